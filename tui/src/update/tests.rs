//! Whole conversations with the model.
