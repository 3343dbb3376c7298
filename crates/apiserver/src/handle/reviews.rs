//! Questions that are asked by creating an object, which is answered and not kept: who am I, and what may I do.

use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};

use super::body;
use super::call::json_response;
use crate::store::encode;
use crate::time::seconds;
use crate::{Status, User};

/// A kind of question.
#[derive(Debug)]
pub(crate) struct Review {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    answer: fn(&User, &mut Value),
}

/// All of them.
pub(crate) const REVIEWS: [Review; 3] = [
    Review {
        group: "authentication.k8s.io",
        version: "v1",
        kind: "SelfSubjectReview",
        plural: "selfsubjectreviews",
        singular: "selfsubjectreview",
        answer: |user, object| {
            object["status"] = json!({"userInfo": {"username": user.name, "groups": user.groups}});
        },
    },
    Review {
        group: "authorization.k8s.io",
        version: "v1",
        kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews",
        singular: "selfsubjectaccessreview",
        // There is no authorization: everybody who is let in may do everything.
        answer: |_, object| object["status"] = json!({"allowed": true}),
    },
    Review {
        group: "authorization.k8s.io",
        version: "v1",
        kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews",
        singular: "selfsubjectrulesreview",
        answer: |_, object| {
            object["status"] = json!({"incomplete": false,
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]});
        },
    },
];

/// The question that a path names.
pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Review> {
    REVIEWS.iter().find(|r| r.group == group && r.version == version && r.plural == plural)
}

impl Review {
    /// Answers one.
    pub(crate) fn create(&self, headers: &HeaderMap, bytes: &[u8], user: &User) -> Result<Response, Status> {
        let mut object = body::decode(headers, bytes)?;
        if !object.is_object() {
            return Err(Status::bad_request(format!("{} cannot be read", self.kind)));
        }
        if self.kind == "SelfSubjectAccessReview"
            && object.pointer("/spec/resourceAttributes").is_none()
            && object.pointer("/spec/nonResourceAttributes").is_none()
        {
            let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            let cause = crate::Cause::invalid("spec.resourceAttributes", &Value::Null, why);
            return Err(Status::invalid(self.group, "", "", vec![cause]));
        }
        object["kind"] = self.kind.into();
        object["apiVersion"] = format!("{}/{}", self.group, self.version).into();
        object["metadata"] = match self.kind {
            "SelfSubjectReview" => json!({"creationTimestamp": seconds(jiff::Timestamp::now())}),
            _ => json!({}),
        };
        (self.answer)(user, &mut object);
        Ok(json_response(201, encode(&object)))
    }
}
