"""What a hospital could pick instead, given the same messages and the same sink; each is a process that says when it is ready."""
