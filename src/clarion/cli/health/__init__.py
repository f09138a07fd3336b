"""What ``clarion doctor`` looks at: one file per part, each returning findings."""
