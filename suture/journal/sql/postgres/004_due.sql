-- What may go is looked for instance by instance, so that the backlog of one that is away costs the others nothing.
create index deliveries_due on deliveries (instance, status, priority, sequence, due, key)
    where status in ('queued', 'sending', 'awaiting', 'unknown', 'parked');
drop index deliveries_next;
