"""Every protocol Clarion speaks itself: no I/O, no clock, no store."""
