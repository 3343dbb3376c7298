//! Query strings (`application/x-www-form-urlencoded`), with order and repetitions.

use crate::Status;

/// The parameters of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        });
        Self(pairs.collect())
    }

    /// Returns the first value of `name`. Empty values count as absent, as in Kubernetes.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// Returns true for `name=true`, `name=1` and a bare `name`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.0.iter().find(|(n, _)| n == name).is_some_and(|(_, v)| !matches!(v.as_str(), "false" | "0"))
    }

    /// Returns an integer parameter.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, Status> {
        self.get(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    Status::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"))
                })
            })
            .transpose()
    }
}

/// Decodes percent-encoding, and replaces invalid UTF-8.
pub(crate) fn decode(text: &str, plus_is_space: bool) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        out.push(match byte {
            b'+' if plus_is_space => b' ',
            b'%' => {
                let hex = text.get(at..at + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
                if hex.is_some() {
                    at += 2;
                }
                hex.unwrap_or(b'%')
            }
            other => other,
        });
    }
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_can_repeat() {
        let query =
            Query::parse("labelSelector=queue%3DOrders&ports=1&ports=2&watch&follow=false&x=a+b&y=%zz");
        assert_eq!(query.get("labelSelector"), Some("queue=Orders"));
        assert_eq!(query.all("ports").collect::<Vec<_>>(), ["1", "2"]);
        assert!(query.flag("watch"));
        assert!(!query.flag("follow"));
        assert!(!query.flag("absent"));
        assert_eq!(query.get("x"), Some("a b"));
        assert_eq!(query.get("y"), Some("%zz"));
        assert!(query.number("x").is_err());
    }
}
