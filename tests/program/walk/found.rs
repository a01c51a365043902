//! Walks that once failed, kept by name with what was wrong.
