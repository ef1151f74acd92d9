//! The clips that are measured: footage, encoded as cameras and the web do.

use super::scene::{CONFORM, Scene};
use crate::sh;
use crate::step::step;
use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How footage is encoded.
#[derive(Debug)]
pub struct Clip {
    name: &'static str,
    /// For a person.
    pub what: &'static str,
    scene: Scene,
    /// ffmpeg's arguments, separated by blanks.
    encoder: &'static str,
}

impl Clip {
    /// Name of the text about where its time goes.
    pub fn profile(&self) -> String {
        let (stem, _) = self.name.rsplit_once('.').unwrap_or((self.name, ""));
        format!("profile-{stem}.txt")
    }
}

/// A surveillance camera or dash cam: constant bit rate, no B pictures, a sync sample each second.
pub const CAMERA: Clip = Clip {
    name: "camera.mp4",
    what: "camera-like: H.264 1080p30, 6 Mb/s, GOP 1 s",
    scene: Scene::Camera,
    encoder: "-c:v libx264 -preset veryfast -bf 0 -refs 1 -g 30 -sc_threshold 0 -b:v 6M -maxrate 8M -bufsize 6M",
};

/// What a person exports or downloads.
pub const WEB: Clip = Clip {
    name: "web.mp4",
    what: "web-like: H.264 1080p30, x264 medium, GOP 250",
    scene: Scene::Web,
    encoder: "-c:v libx264 -preset medium -g 250 -crf 23",
};

/// HEVC.
pub const HEVC: Clip = Clip {
    name: "hevc.mp4",
    what: "HEVC Main 1080p30, 4 Mb/s, GOP 250",
    scene: Scene::Web,
    encoder: "-c:v libx265 -preset fast -b:v 4M -x265-params log-level=error -tag:v hvc1",
};

/// AV1.
pub const AV1: Clip = Clip {
    name: "av1.mp4",
    what: "AV1 Main 1080p30, 4 Mb/s, GOP 161",
    scene: Scene::Web,
    encoder: "-c:v libsvtav1 -preset 8 -b:v 4M",
};

/// VP9.
pub const VP9: Clip = Clip {
    name: "vp9.webm",
    what: "VP9 1080p30, 4 Mb/s, GOP 250",
    scene: Scene::Web,
    encoder: "-c:v libvpx-vp9 -deadline good -cpu-used 5 -row-mt 1 -g 250 -b:v 4M",
};

/// VP8.
pub const VP8: Clip = Clip {
    name: "vp8.webm",
    what: "VP8 1080p30, 6 Mb/s, GOP 250",
    scene: Scene::Web,
    encoder: "-c:v libvpx -deadline realtime -cpu-used 8 -g 250 -b:v 6M",
};

/// Motion JPEG.
pub const MJPEG: Clip = Clip {
    name: "mjpeg.avi",
    what: "Motion JPEG 1080p30",
    scene: Scene::Camera,
    encoder: "-c:v mjpeg -pix_fmt yuvj420p -q:v 4",
};

/// Where clips come from: drawn, or out of a video that a person names.
#[derive(Debug)]
pub struct Footage {
    /// Length of each clip.
    pub seconds: u32,
    /// A video instead of what is drawn.
    pub video: Option<PathBuf>,
}

impl Footage {
    /// Makes the clips that are not there yet, and gives where they are, in order.
    ///
    /// # Errors
    /// Where ffmpeg cannot make them.
    pub fn make(&self, folder: &Path, clips: &[&Clip]) -> Result<Vec<PathBuf>> {
        let folder = folder.join("clips");
        fs::create_dir_all(&folder)?;
        let paths = clips.iter().map(|clip| folder.join(self.file(clip)));
        let paths: Vec<PathBuf> = paths.collect();
        for scene in [Scene::Camera, Scene::Web] {
            let missing = clips.iter().zip(&paths);
            let missing: Vec<(&Clip, &Path)> = missing
                .filter(|(clip, path)| clip.scene == scene && !path.is_file())
                .map(|(clip, path)| (*clip, path.as_path()))
                .collect();
            if !missing.is_empty() {
                self.encode(scene, &missing)?;
            }
        }
        Ok(paths)
    }

    /// All of them in one run of ffmpeg: drawing takes longer than most encoders do.
    fn encode(&self, scene: Scene, clips: &[(&Clip, &Path)]) -> Result<()> {
        let names: Vec<&str> = clips.iter().map(|(clip, _)| clip.name).collect();
        let what = format!("making {} s each of {}", self.seconds, names.join(", "));
        let part = |path: &Path| path.with_file_name(format!("part-{}", name_of(path)));
        let mut ffmpeg = self.ffmpeg(scene, clips.len());
        for (number, (clip, path)) in clips.iter().enumerate() {
            ffmpeg.args(["-map", &format!("[v{number}]")]);
            ffmpeg.args(clip.encoder.split(' ')).arg(part(path));
        }
        step(&what, || sh::run(&mut ffmpeg))?;
        for (_, path) in clips {
            fs::rename(part(path), path)?;
        }
        Ok(())
    }

    /// Reads or draws, and gives `[v0]`, `[v1]`, …
    fn ffmpeg(&self, scene: Scene, outputs: usize) -> Command {
        let mut ffmpeg = sh::command("ffmpeg");
        // SVT-AV1 says a page about itself; 1 leaves errors.
        ffmpeg.env("SVT_LOG", "1");
        ffmpeg.args(["-v", "error", "-nostdin", "-y"]);
        if std::io::stderr().is_terminal() {
            ffmpeg.arg("-stats");
        }
        if let Some(video) = &self.video {
            ffmpeg.args(["-stream_loop", "-1", "-t", &self.seconds.to_string(), "-i"]);
            ffmpeg.arg(video);
        }
        let labels: String = (0..outputs).map(|number| format!("[v{number}]")).collect();
        let graph = format!("{};[v]split={outputs}{labels}", self.graph(scene));
        ffmpeg.args(["-filter_complex", &graph]);
        ffmpeg
    }

    fn graph(&self, scene: Scene) -> String {
        match &self.video {
            Some(_) => format!("[0:v:0]{CONFORM}[v]"),
            None => scene.graph(self.seconds),
        }
    }

    /// What it is made of is part of its name: a clip that would be another is made anew.
    fn file(&self, clip: &Clip) -> String {
        let mut hash = Sha256::new();
        for part in [
            &self.graph(clip.scene),
            clip.encoder,
            &self.seconds.to_string(),
        ] {
            hash.update(part);
            hash.update([0]);
        }
        if let Some(video) = &self.video {
            hash.update(video.as_os_str().as_encoded_bytes());
            let changed = fs::metadata(video).and_then(|it| it.modified()).ok();
            hash.update(format!("{changed:?}"));
        }
        let digest = hash.finalize();
        let key: String = digest
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{key}-{}s-{}", self.seconds, clip.name)
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// A clip over and over, up to this many seconds: its access units are copied as they are.
///
/// # Errors
/// Where ffmpeg cannot make it.
pub fn repeated(clip: &Path, seconds: u32, path: &Path) -> Result<()> {
    let mut ffmpeg = sh::command("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-y", "-stream_loop", "-1", "-i"]);
    ffmpeg.arg(clip);
    ffmpeg.args(["-t", &seconds.to_string(), "-map", "0:v:0", "-c", "copy"]);
    sh::run(ffmpeg.arg(path)).context("copies cannot be made")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&Clip; 7] = [&CAMERA, &WEB, &HEVC, &AV1, &VP9, &VP8, &MJPEG];

    fn footage(seconds: u32, video: Option<&str>) -> Footage {
        let video = video.map(PathBuf::from);
        Footage { seconds, video }
    }

    #[test]
    fn a_clip_of_another_make_has_another_name() {
        let mut names: Vec<String> = Vec::new();
        for footage in [
            footage(30, None),
            footage(5, None),
            footage(5, Some("a.mp4")),
            footage(5, Some("b.mp4")),
        ] {
            names.extend(ALL.map(|clip| footage.file(clip)));
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert_eq!(footage(5, None).file(&WEB), footage(5, None).file(&WEB));
    }

    #[test]
    fn each_output_has_its_label() {
        let command = footage(5, Some("a b.mp4")).ffmpeg(Scene::Web, 2);
        let words: Vec<_> = command
            .get_args()
            .map(|word| word.to_string_lossy())
            .collect();
        assert!(words.contains(&"a b.mp4".into()), "{words:?}");
        assert!(
            words.last().unwrap().ends_with(";[v]split=2[v0][v1]"),
            "{words:?}"
        );
        assert!(
            footage(5, None)
                .graph(Scene::Camera)
                .contains("trim=duration=5,")
        );
    }

    /// What is in the table is what is measured.
    #[test]
    fn ffmpeg_makes_a_clip_of_each_scene() {
        crate::test::ffmpeg().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let footage = footage(1, None);
        let paths = footage.make(folder.path(), &[&CAMERA, &WEB]).unwrap();
        let video = Some(paths[0].clone());
        let of_a_person = Footage { seconds: 2, video };
        let again = of_a_person.make(folder.path(), &[&CAMERA]).unwrap();
        for (path, frames) in [(&paths[0], "30"), (&paths[1], "30"), (&again[0], "60")] {
            let mut probe = sh::command("ffprobe");
            probe.args(["-v", "error", "-select_streams", "v:0", "-count_packets"]);
            probe.args(["-show_entries", "stream=width,height,nb_read_packets"]);
            probe.args(["-of", "csv=p=0"]).arg(path);
            let facts = sh::output(&mut probe).unwrap();
            assert_eq!(facts, format!("1920,1080,{frames}"), "{}", path.display());
        }
    }
}
