-- What is still owed because of an accepted message or document: as small as the backlog, like the other four.
create index deliveries_root on deliveries (root, sequence)
    where status in ('queued', 'sending', 'awaiting', 'unknown', 'parked');
