//! The formats of images. One line here per format, and one file in `crates/frames/src/encode`.

use serde::{Deserialize, Serialize};

/// From one table the enum and everything that differs between its variants: a format cannot have
/// one without the other.
macro_rules! image_formats {
    ($(
        $(#[$doc:meta])*
        $format:ident: $extension:literal, $content_type:literal, [$($word:literal),+];
    )+) => {
        /// Image file format.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "lowercase")]
        pub enum ImageFormat {
            $($(#[$doc])* $format,)+
        }

        impl ImageFormat {
            /// Words of the configuration.
            pub(crate) const WORDS: &[(&str, Self)] = &[$($(($word, Self::$format),)+)+];

            /// File name ending, without the dot.
            pub fn extension(self) -> &'static str {
                match self {
                    $(Self::$format => $extension,)+
                }
            }

            /// Media type.
            pub fn content_type(self) -> &'static str {
                match self {
                    $(Self::$format => $content_type,)+
                }
            }

            /// The format whose images have this file name ending, which is given without the
            /// dot; `None` for others.
            pub fn from_extension(extension: &str) -> Option<Self> {
                match extension {
                    $($extension => Some(Self::$format),)+
                    _ => None,
                }
            }
        }
    };
}

// Format: file name ending, media type, words of the configuration.
image_formats! {
    /// Baseline JPEG, 4:2:0.
    Jpeg: "jpg", "image/jpeg", ["jpeg", "jpg"];
    /// PNG, 8 bit RGB.
    Png: "png", "image/png", ["png"];
    /// Lossless WebP.
    Webp: "webp", "image/webp", ["webp"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_lead_back_to_their_format() {
        for (_, format) in ImageFormat::WORDS {
            let found = ImageFormat::from_extension(format.extension());
            assert_eq!(found, Some(*format));
        }
        for other in ["", "JPG", "jpeg", "mp4", "json"] {
            assert_eq!(ImageFormat::from_extension(other), None, "{other}");
        }
    }
}
