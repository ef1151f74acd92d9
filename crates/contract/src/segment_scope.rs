//! What a `/segments` request may ask for: its body comes from whoever reaches the component, so
//! nothing in it leads outside what the configuration names.

use crate::{Config, Event, EventKind, Ignored, Job, SegmentRequest};
use framemill_video::MAX_SAMPLE_SIZE;
use thiserror::Error;

/// Why a segment is not worked on: it asks for what the configuration does not.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SegmentRefused {
    /// Its video is none that an event would have extracted here.
    #[error("segment refused: its video is not one of this configuration ({0})")]
    Video(#[from] Ignored),
    /// Its video may be any upload of that name.
    #[error("segment refused: its video has no generation")]
    NoGeneration,
    /// Its images would lie among those of others, or elsewhere.
    #[error(
        "segment refused: `{prefix}` is no folder of images of this video, which would be `{expected}`"
    )]
    ImagePrefix {
        /// As asked.
        prefix: String,
        /// The plain one.
        expected: String,
    },
    /// Its images would not be those that the configuration asks for.
    #[error("segment refused: its `{0}` are not those of the configuration")]
    Settings(&'static str),
    /// It asks for more than a segment is.
    #[error("segment refused: {count} {what}, limit {limit}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// As asked.
        count: u64,
        /// Most.
        limit: u64,
    },
}

impl SegmentRequest {
    /// Whether all that is asked for is what a coordinator with this configuration asks for: the
    /// video one of its own, the images in that video's folder and as configured, and no more
    /// work than a segment has.
    ///
    /// # Errors
    /// [`SegmentRefused`].
    pub fn check(&self, config: &Config) -> Result<(), SegmentRefused> {
        let upload = Event {
            kind: EventKind::Finalized,
            object: self.video.clone(),
        };
        let job = Job::from_event(&upload, config)?;
        let generation = self.video.generation.ok_or(SegmentRefused::NoGeneration)?;
        // First, since a folder's name follows from it.
        if self.naming != config.naming {
            return Err(SegmentRefused::Settings("naming"));
        }
        let (layout, work) = (&config.layout, config.work());
        let expected = layout.prefixes_of_images(&job.name, generation, self.naming, &work);
        if !expected.contains(&self.image_prefix) {
            let [expected, _, _] = expected;
            return Err(SegmentRefused::ImagePrefix {
                prefix: self.image_prefix.clone(),
                expected,
            });
        }
        if self.images != config.images {
            return Err(SegmentRefused::Settings("images"));
        }
        if self.filters != config.filters {
            return Err(SegmentRefused::Settings("filters"));
        }
        self.check_size(config)
    }

    fn check_size(&self, config: &Config) -> Result<(), SegmentRefused> {
        let within = |what, count: u64, limit: u64| match count <= limit {
            true => Ok(()),
            false => Err(SegmentRefused::TooMuch { what, count, limit }),
        };
        let samples = || self.gops.iter().flat_map(|gop| &gop.samples);
        let wanted: usize = self.gops.iter().map(|gop| gop.wanted.len()).sum();
        within("images", wanted as u64, config.max_images)?;
        // A single group of pictures is as long as it is.
        if self.gops.len() > 1 {
            let limit = u64::from(config.segment_frames);
            within("groups of pictures", self.gops.len() as u64, limit)?;
            within("access units", samples().count() as u64, limit)?;
        }
        let largest = samples().map(|sample| sample.size).max();
        let largest = u64::from(largest.unwrap_or_default());
        within("bytes of one sample", largest, u64::from(MAX_SAMPLE_SIZE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GopWork, Naming, ObjectRef, Wanted};
    use framemill_video::{Pts, Sample};
    use serde_json::{Value, json};

    fn config(pairs: &[(&str, &str)]) -> Config {
        let given = |key: &str| {
            let found = pairs.iter().find(|(name, _)| *name == key)?;
            Some(found.1.to_owned())
        };
        Config::from_lookup(given).unwrap()
    }

    fn ours() -> Config {
        config(&[("bucket", "footage"), ("segment_frames", "10")])
    }

    /// What a coordinator sends.
    fn honest(config: &Config) -> SegmentRequest {
        serde_json::from_value(json!({
            "video": {"bucket": "footage", "name": "videos/cam/x.mp4", "generation": 5},
            "image_prefix": "images/cam/x.mp4/",
            "config": {
                "codec": "h264", "nal_length_size": 4, "parameter_sets": "", "profile": "High",
                "width": 64, "height": 64, "color": {
                    "matrix": null, "range": null, "primaries": null, "transfer": null
                },
            },
            "unwrap": "plain",
            "timescale": 1000,
            "first_pts": 0,
            "rotation": 0,
            "images": config.images,
            "filters": config.filters,
            "naming": config.naming,
            "gops": [gop(3), gop(3)],
        }))
        .unwrap()
    }

    fn gop(samples: usize) -> Value {
        let sample = json!({
            "offset": 0, "size": 10, "dts": 0, "pts": 0, "sync": true, "shown": true,
            "dependence": "unknown",
        });
        json!({"samples": vec![sample; samples], "wanted": [{"index": 0, "pts": 0}]})
    }

    fn check(change: impl FnOnce(&mut SegmentRequest)) -> Result<(), SegmentRefused> {
        let config = ours();
        let mut request = honest(&config);
        change(&mut request);
        request.check(&config)
    }

    #[test]
    fn what_a_coordinator_asks_for_is_taken() {
        assert_eq!(check(|_| {}), Ok(()));
        // Where another upload has the plain name.
        assert_eq!(
            check(|it| it.image_prefix = "images/cam/x.mp4@5/".to_owned()),
            Ok(())
        );
        // One group of pictures is as long as it is.
        let long = |it: &mut SegmentRequest| {
            it.gops = vec![serde_json::from_value(gop(5000)).unwrap()];
        };
        assert_eq!(check(long), Ok(()));
        let sample = config(&[("naming", "sample")]);
        let mut request = honest(&sample);
        request.image_prefix = "images/cam/x/".to_owned();
        assert_eq!(request.check(&sample), Ok(()));
    }

    #[test]
    fn no_other_object_is_read() {
        let of = |bucket: &str, name: &str| {
            let (bucket, name) = (bucket.to_owned(), name.to_owned());
            check(|it| {
                it.video = ObjectRef {
                    bucket,
                    name,
                    generation: Some(5),
                };
            })
        };
        for (bucket, name) in [
            ("somebody-elses", "videos/cam/x.mp4"),
            ("", "videos/cam/x.mp4"),
            ("footage", "secret/x.mp4"),
            ("footage", "../videos/cam/x.mp4"),
            ("footage", "images/cam/x.mp4/000001.jpg"),
            ("footage", "manifests/cam/x.mp4.json"),
            ("footage", "videos/cam/x.txt"),
            ("footage", "videos/.mp4"),
            ("footage", ""),
        ] {
            let refused = of(bucket, name);
            assert!(
                matches!(refused, Err(SegmentRefused::Video(_))),
                "{bucket}/{name}: {refused:?}"
            );
        }
        assert_eq!(
            check(|it| it.video.generation = None),
            Err(SegmentRefused::NoGeneration)
        );
    }

    #[test]
    fn nothing_is_written_outside_the_videos_own_folder() {
        for prefix in [
            "",
            "/",
            "images/",
            "images/cam/",
            "images/cam/x.mp4",
            "images/cam/x.mp4//",
            "images/cam/x.mp4/../y.mp4/",
            "images/cam/x.mp4/../../../manifests/",
            "images/cam/y.mp4/",
            "images/cam/x/",
            "images/cam/x.mp4@6/",
            "images/cam/x.mp4@5",
            "images/cam/x.mp4@05/",
            "images/cam/x.mp4@5/sub/",
            "images/cam/x.mp4@/",
            "manifests/cam/x.mp4/",
            "records/claims/",
            "videos/cam/x.mp4/",
            "elsewhere/cam/x.mp4/",
        ] {
            let refused = check(|it| it.image_prefix = prefix.to_owned());
            assert!(
                matches!(refused, Err(SegmentRefused::ImagePrefix { .. })),
                "{prefix}: {refused:?}"
            );
        }
        // The folder that the other naming gives is another video's.
        let refused = check(|it| {
            it.naming = Naming::Sample;
            it.image_prefix = "images/cam/x/".to_owned();
        });
        assert_eq!(refused, Err(SegmentRefused::Settings("naming")));
    }

    #[test]
    fn images_are_as_configured() {
        let refused = check(|it| it.images.max_side = Some(1 << 30));
        assert_eq!(refused, Err(SegmentRefused::Settings("images")));
        let refused = check(|it| it.filters.drop_blank = true);
        assert_eq!(refused, Err(SegmentRefused::Settings("filters")));
        let refused = check(|it| it.filters.keep_damaged = true);
        assert_eq!(refused, Err(SegmentRefused::Settings("filters")));
    }

    #[test]
    fn no_more_is_done_than_a_segment_has() {
        let gops = |count: usize, samples: usize| -> Vec<GopWork> {
            let gop: GopWork = serde_json::from_value(gop(samples)).unwrap();
            vec![gop; count]
        };
        let refused = |change: &dyn Fn(&mut SegmentRequest)| match check(change) {
            Err(SegmentRefused::TooMuch { what, .. }) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&|it| it.gops = gops(2, 6)), "access units");
        assert_eq!(refused(&|it| it.gops = gops(11, 0)), "groups of pictures");
        let wanted = Wanted {
            index: 1,
            pts: Pts(0),
        };
        assert_eq!(
            refused(&|it| it.gops[0].wanted = vec![wanted; 100_001]),
            "images"
        );
        let large = |sample: &mut Sample| sample.size = MAX_SAMPLE_SIZE + 1;
        assert_eq!(
            refused(&|it| large(&mut it.gops[0].samples[0])),
            "bytes of one sample"
        );
    }
}
