-- The journal's tables on PostgreSQL. Instants are whole microseconds since 1970-01-01 UTC; documents and events are JSON as bytes.
-- Keys are compared as bytes (collate "C"), as SQLite and Python do, so that an upgrade of the locale never reorders them.

create table meta (
    name  text collate "C" primary key,
    value text not null
);

-- The facts. "body" is what the seal covers; the other columns repeat parts of it for queries. Readers stay below the
-- oldest running transaction: see journal_positions.
create table events (
    position bigint primary key,
    once     text collate "C" not null unique,
    kind     text   not null,
    type     text   not null,
    source   text   not null,
    at       bigint not null,
    root     text   not null,
    body     bytea  not null,
    xid      xid8   not null default pg_current_xact_id()
);

create sequence event_position;

-- Reserves "size" positions in a row and returns the first. The transaction gets its id and its positions under one lock that
-- is given back at once, so ids and positions have the same order: whoever reads only rows of transactions older than
-- every running one can then follow positions and never skips. The id alone would not do: a transaction that got the
-- lower id may still get the higher positions and commit first.
create function journal_positions(size bigint) returns bigint language plpgsql as $$
declare
    first bigint;
begin
    perform pg_advisory_lock(7316884261);
    perform pg_current_xact_id();
    first := nextval('event_position');
    perform setval('event_position', first + size - 1);
    perform pg_advisory_unlock(7316884261);
    return first;
end
$$;

-- Which events are about an object: the graph that every journey walks, in order, from any place in its history.
create table refs (
    id       text collate "C" not null,
    type     text collate "C" not null,
    position bigint not null,
    role     text   not null,
    primary key (id, position, type, role)
);

-- Events waiting to be decided. id = position * 65536 + number within its unit, so its order is the order of positions.
create table work (
    id        bigint  primary key,
    partition integer not null,
    process   text collate "C" not null,
    key       text collate "C" not null,
    xid       xid8    not null default pg_current_xact_id()
);
create index work_partition on work (partition, id);

create table states (
    process text collate "C" not null,
    key     text collate "C" not null,
    version bigint not null,
    data    bytea  not null,
    primary key (process, key)
);

create sequence delivery_sequence;

create table deliveries (
    sequence    bigint  primary key default nextval('delivery_sequence'),
    number      bigint  not null,
    id          text collate "C" not null unique,
    instance    text collate "C" not null,
    role        text    not null,
    key         text collate "C" not null,
    document    bytea   not null,
    due         bigint  not null,
    process     text collate "C" not null,
    process_key text    not null,
    cause       text    not null,
    root        text    not null,
    created     bigint  not null,
    status      text collate "C" not null,
    attempts    bigint  not null,
    priority    bigint  not null,
    reference   text collate "C" not null,
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
    process text collate "C" not null,
    key     text collate "C" not null,
    name    text collate "C" not null,
    due     bigint not null,
    cause   text   not null,
    root    text   not null,
    primary key (process, key, name)
);
create index timers_due on timers (due);

create table cursors (
    name     text collate "C" primary key,
    position bigint not null
);

create table checkpoints (
    position  bigint primary key,
    events    bigint not null,
    head      text   not null,
    at        bigint not null,
    signature text   not null
);

create table blobs (
    address text collate "C" primary key,
    sealed  bytea not null
);

create table repeats (
    once  text collate "C" primary key,
    times bigint not null
);

-- The last number of each instance: the row is locked until the commit, so numbers have no gaps and follow commits.
create table counters (
    name  text collate "C" primary key,
    value bigint not null
);
