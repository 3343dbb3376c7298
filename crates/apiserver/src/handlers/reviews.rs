//! Reviews: objects that a client creates to ask about itself (identity and permissions) and that are not stored.

use axum::response::Response;
use http::HeaderMap;
use serde_json::{Value, json};

use super::body;
use super::call::json_response;
use super::write::user_agent;
use crate::decode::{self, ZeroValues};
use crate::patch::managed_fields::{self, FieldManager};
use crate::storage::encode;
use crate::time::seconds;
use crate::{Status, User, schema};

/// A kind of review.
#[derive(Debug)]
pub(crate) struct Review {
    pub(crate) group: &'static str,
    pub(crate) version: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) singular: &'static str,
    /// Name of its type in the schema; empty for a review without `managedFields`.
    schema: &'static str,
    respond: fn(&User, &mut Value),
}

/// All reviews.
pub(crate) const REVIEWS: [Review; 3] = [
    Review {
        group: "authentication.k8s.io",
        version: "v1",
        kind: "SelfSubjectReview",
        plural: "selfsubjectreviews",
        singular: "selfsubjectreview",
        schema: "",
        respond: |User { name, groups }, object| {
            object["status"] = json!({"userInfo": {"username": name, "groups": groups}});
        },
    },
    Review {
        group: "authorization.k8s.io",
        version: "v1",
        kind: "SelfSubjectAccessReview",
        plural: "selfsubjectaccessreviews",
        singular: "selfsubjectaccessreview",
        schema: "authorization.v1.SelfSubjectAccessReview",
        // There is no authorization: every user may do everything.
        respond: |_, object| object["status"] = json!({"allowed": true}),
    },
    Review {
        group: "authorization.k8s.io",
        version: "v1",
        kind: "SelfSubjectRulesReview",
        plural: "selfsubjectrulesreviews",
        singular: "selfsubjectrulesreview",
        schema: "authorization.v1.SelfSubjectRulesReview",
        respond: |_, object| {
            object["status"] = json!({"incomplete": false,
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]});
        },
    },
];

/// Returns the review at a path.
pub(crate) fn find(group: &str, version: &str, plural: &str) -> Option<&'static Review> {
    REVIEWS.iter().find(|r| r.group == group && r.version == version && r.plural == plural)
}

impl Review {
    /// Responds to a review of `user`.
    pub(crate) fn create(&self, headers: &HeaderMap, bytes: &[u8], user: &User) -> Result<Response, Status> {
        let mut object = body::decode(headers, bytes, self.kind)?;
        if !object.is_object() {
            return Err(Status::bad_request(format!("invalid {}", self.kind)));
        }
        self.check(&object)?;
        let now = jiff::Timestamp::now();
        object["kind"] = self.kind.into();
        object["apiVersion"] = format!("{}/{}", self.group, self.version).into();
        object["metadata"] = match self.kind {
            "SelfSubjectReview" => json!({"creationTimestamp": seconds(now)}),
            _ => json!({}),
        };
        if !self.schema.is_empty() {
            let shape = schema::root(self.schema);
            decode::decode(&mut object, shape, ZeroValues::Omit);
            let writer = FieldManager {
                manager: FieldManager::name(None, user_agent(headers)),
                api_version: format!("{}/{}", self.group, self.version),
                subresource: String::new(),
                now,
            };
            managed_fields::record_update(&json!({"metadata": {}}), &mut object, shape, &writer, true);
        }
        (self.respond)(user, &mut object);
        Ok(json_response(201, encode(&object)))
    }

    /// Rejects an incomplete review.
    fn check(&self, object: &Value) -> Result<(), Status> {
        let has =
            |pointer: &str| object.pointer(pointer).is_some_and(|value| !value.is_null() && *value != "");
        match self.kind {
            "SelfSubjectAccessReview"
                if !has("/spec/resourceAttributes") && !has("/spec/nonResourceAttributes") =>
            {
                let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
                let cause = crate::Cause::invalid("spec.resourceAttributes", &Value::Null, why);
                Err(Status::invalid(self.group, "", "", vec![cause]))
            }
            _ => Ok(()),
        }
    }
}
