"""The hospital group in a box: its twins, its day, its count, and one small day over sockets."""
