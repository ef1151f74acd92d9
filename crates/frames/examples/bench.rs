#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
use framemill_contract::*;
use framemill_frames::*;
use framemill_video::*;
use std::io::Read;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let (w, h) = (
        a[1].parse::<usize>().unwrap(),
        a[2].parse::<usize>().unwrap(),
    );
    let mut d = vec![];
    std::io::stdin().read_to_end(&mut d).unwrap();
    let f: Vec<Scores> = d
        .chunks_exact(w * h)
        .map(|p| {
            score(&Frame {
                pts: Pts(0),
                width: w as u32,
                height: h as u32,
                chroma: ChromaSampling::Monochrome,
                bit_depth: 8,
                planes: vec![Plane {
                    width: w as u32,
                    height: h as u32,
                    samples: Samples::U8(p.to_vec()),
                }],
                color: ColorDescription {
                    range: Some(Range::Full),
                    ..Default::default()
                },
            })
        })
        .collect();
    for d in [0u32, 1, 2, 3, 4, 6, 8, 12] {
        let mut s = Screen::new(&Filters {
            dedupe: Dedupe::MaxDistance(d),
            min_sharpness: None,
            drop_blank: false,
        });
        let k: Vec<usize> = (0..f.len())
            .filter(|i| s.judge(*i as u64, &f[*i]) == Verdict::Keep)
            .collect();
        println!("distance {d}: kept {} of {}: {k:?}", k.len(), f.len());
        // plain phash
        let mut last = 0;
        let mut k = vec![0];
        for i in 1..f.len() {
            if (f[i].phash ^ f[last].phash).count_ones() > d {
                k.push(i);
                last = i;
            }
        }
        println!("   phash alone {}: {k:?}", k.len());
    }
}
