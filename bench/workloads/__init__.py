"""The workloads, one file each: whatever holds a ``WORKLOAD`` is measured."""
