-- The journal's tables on SQLite. Instants are whole microseconds since 1970-01-01 UTC; documents and events are JSON as bytes.

create table meta (
    name  text primary key,
    value text not null
) without rowid;

-- The facts. "body" is what the seal covers; the other columns repeat parts of it for queries.
create table events (
    position integer primary key,
    once     text    not null unique,
    kind     text    not null,
    type     text    not null,
    source   text    not null,
    at       integer not null,
    root     text    not null,
    body     blob    not null
);

-- Which events are about an object: the graph that every journey walks, in order, from any place in its history.
create table refs (
    id       text    not null,
    type     text    not null,
    position integer not null,
    role     text    not null,
    primary key (id, position, type, role)
) without rowid;

-- Events waiting to be decided. id = position * 65536 + number within its unit, so its order is the order of positions.
create table work (
    id        integer primary key,
    partition integer not null,
    process   text    not null,
    key       text    not null
);

create table states (
    process text    not null,
    key     text    not null,
    version integer not null,
    data    blob    not null,
    primary key (process, key)
) without rowid;

create table deliveries (
    sequence    integer primary key,
    number      integer not null,
    id          text    not null unique,
    instance    text    not null,
    role        text    not null,
    key         text    not null,
    document    blob    not null,
    due         integer not null,
    process     text    not null,
    process_key text    not null,
    cause       text    not null,
    root        text    not null,
    created     integer not null,
    status      text    not null,
    attempts    integer not null,
    priority    integer not null,
    reference   text    not null,
    note        text    not null
);

-- Only open deliveries are looked for: these four stay as small as the backlog, however long the history grows.
create index deliveries_next on deliveries (priority, sequence, status, due, instance, key)
    where status in ('queued', 'sending', 'awaiting', 'unknown', 'parked');
create index deliveries_lane on deliveries (instance, key, sequence, status)
    where status in ('queued', 'sending', 'awaiting', 'unknown', 'parked');
create index deliveries_waits on deliveries (due, instance, key, sequence, status)
    where status in ('queued', 'unknown', 'awaiting');
create index deliveries_awaiting on deliveries (instance, reference, sequence)
    where status = 'awaiting';
-- What has ended is only counted.
create index deliveries_ended on deliveries (status)
    where status in ('done', 'refused', 'cancelled');

create table timers (
    process text    not null,
    key     text    not null,
    name    text    not null,
    due     integer not null,
    cause   text    not null,
    root    text    not null,
    primary key (process, key, name)
) without rowid;
create index timers_due on timers (due);

create table cursors (
    name     text    primary key,
    position integer not null
) without rowid;

create table checkpoints (
    position  integer primary key,
    events    integer not null,
    head      text    not null,
    at        integer not null,
    signature text    not null
);

create table blobs (
    address text primary key,
    sealed  blob not null
);

create table repeats (
    once  text    primary key,
    times integer not null
) without rowid;

-- The last position, the last sequence, and the last number of each instance ("number/INSTANCE").
create table counters (
    name  text    primary key,
    value integer not null
) without rowid;
