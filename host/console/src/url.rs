//! Addresses of pages, with names of objects in them that may be anything.

use form_urlencoded::Serializer;

/// Where all pages are.
pub(crate) const ROOT: &str = "/console";

/// The address of a page with this query; what is empty is left out.
pub(crate) fn page(path: &str, query: &[(&str, &str)]) -> String {
    let mut pairs = Serializer::new(String::new());
    pairs.extend_pairs(query.iter().filter(|(_, value)| !value.is_empty()));
    let query = pairs.finish();
    match query.is_empty() {
        true => format!("{ROOT}/{path}"),
        false => format!("{ROOT}/{path}?{query}"),
    }
}

/// The page of a video.
pub(crate) fn video(name: &str) -> String {
    page("video", &[("name", name)])
}

/// Something about a frame.
pub(crate) fn of_frame(path: &str, video: &str, index: u64) -> String {
    page(path, &[("video", video), ("index", &index.to_string())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        let address = video("a b/<ü>&\"'%2F.mp4");
        assert_eq!(
            address,
            "/console/video?name=a+b%2F%3C%C3%BC%3E%26%22%27%252F.mp4"
        );
        assert_eq!(page("videos", &[("q", "")]), "/console/videos");
    }
}
