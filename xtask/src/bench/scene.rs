//! Footage as from a camera, drawn by ffmpeg: textures with the spectrum of nature and sharp edges,
//! things that move over them, a camera that moves itself, and the noise of its sensor over all.
//! Test patterns are flat and still where footage is neither: a decoder copies them.

/// What the camera does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// It hangs on a wall and trembles a little.
    Camera,
    /// Somebody holds it, turns it and pans, and there is a cut every six seconds.
    Web,
}

/// A texture: noise of four sizes, from clouds to leaves, each half as strong as a larger one.
const TEXTURE: &str = "
color=gray:s=20x12:r=30:d=0.03,noise=c0s=100:all_seed=1,scale=2560:1440:flags=bicubic,format=gray[n1];
color=gray:s=80x45:r=30:d=0.03,noise=c0s=100:all_seed=2,scale=2560:1440:flags=bicubic,format=gray[n2];
color=gray:s=320x180:r=30:d=0.03,noise=c0s=100:all_seed=3,scale=2560:1440:flags=bicubic,format=gray[n3];
color=gray:s=1280x720:r=30:d=0.03,noise=c0s=100:all_seed=4,scale=2560:1440:flags=bicubic,format=gray[n4];
[n1][n2]blend=all_mode=average[coarse];
[n3][n4]blend=all_mode=average[fine];
[coarse][fine]blend=all_expr='A*0.75+B*0.5-32'[texture];";

/// A still: edges and flat areas of a Mandelbrot set, with colours as pale as the world's, and the
/// texture over them.
const STILL: &str = "
mandelbrot=s=2560x1440:r=30:start_scale=0.6:end_scale=0.6:start_x=-0.7:start_y=0.3:inner=mincol,
hue=s=0.35,trim=end_frame=1,format=yuv420p,split[edges][colours];
[edges]extractplanes=y[y];
[y][texture]blend=all_expr='clip(0.55*A+0.5*B-13,16,235)'[luma];
[colours]extractplanes=u+v[u][v];
[luma][u][v]mergeplanes=0x001020:yuv420p[still];";

/// Three things that move over it, one of them behind another at times.
const OBJECTS: &str = "split=4[ground][s1][s2][s3];
[s1]crop=220:420:1700:200,hue=h=90[o1];
[s2]crop=420:220:300:900,hue=h=200[o2];
[s3]crop=90:160:1200:100,hue=h=300:b=1[o3];
[ground][o1]overlay=x='mod(t*173,2900)-300':y='700+20*sin(t*5)'[g1];
[g1][o2]overlay=x='2600-mod(t*311,3100)':y='420+8*sin(t*3)'[g2];
[g2][o3]overlay=x='1300+600*sin(t*0.9)':y='500+300*cos(t*1.3)'[scene];";

/// A lens that is not quite sharp, and a sensor's noise: more in luma than in what is left of it in
/// chroma.
const SENSOR: &str = "gblur=sigma=0.5,noise=c0s=6:c0f=t:c1s=3:c1f=t:c2s=3:c2f=t,format=yuv420p";

impl Scene {
    /// ffmpeg's filter graph for this many seconds of 1080p30; its output is `[v]`. Nothing in it
    /// is random but by a fixed seed.
    pub fn graph(self, seconds: u32) -> String {
        let [from, turn] = match self {
            // Turned by less than a pixel here, more there: motion between pixels.
            Self::Camera => ["x=280:y=120", "0.0015*sin(t*4.1)"],
            Self::Web => [
                "x='80+300*mod(floor(t/6),2)+80*sin(t*0.5)':y='120+110*cos(t*0.37)'",
                "0.05*sin(t*0.7)",
            ],
        };
        format!(
            "{TEXTURE}{STILL}
            [still]loop=loop=-1:size=1,setpts=N/30/TB,trim=duration={seconds},{OBJECTS}
            [scene]crop=2000:1200:{from},rotate=a='{turn}':bilinear=1,crop=1920:1080,{SENSOR}[v]"
        )
    }
}

/// The filter that makes a person's video like it: 1080p30, cut where it has another shape.
pub const CONFORM: &str =
    "scale=1920:1080:force_original_aspect_ratio=increase,crop=1920:1080,fps=30,format=yuv420p";
