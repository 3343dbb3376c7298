//! The HorizontalPodAutoscaler's decision as pure functions.
