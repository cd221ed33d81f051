-- A commit is one call: the rows of each table arrive column by column, and all of them are written, or none. One round trip
-- instead of one for each table, and who is stopped in the middle of a commit of his own leaves no transaction open.

-- Fewer rows written than sent mean that somebody else owns this work now.
create function journal_expect(written bigint, sent bigint, what text) returns void language plpgsql as $$
begin
    if written <> sent then
        raise exception '% of % % were not as expected', sent - written, sent, what using errcode = 'SU001';
    end if;
end
$$;

-- Returns the first position, which positions and work ids are counted from; 0 without events, and with nothing written where the
-- journal has one of them already. Raises SU001 for what was not as expected, and SU002 where another writer came between: begin anew.
-- Rows are written in the order of their unique key wherever two writers could wait for each other, and tables in the same order
-- by all: nobody waits in a circle.
create function journal_commit(
    -- events: offset from the first position
    events_position bigint[] default '{}', events_once text[] default '{}', events_kind text[] default '{}',
    events_type text[] default '{}', events_source text[] default '{}', events_at bigint[] default '{}',
    events_root text[] default '{}', events_body bytea[] default '{}',
    refs_id text[] default '{}', refs_type text[] default '{}', refs_position bigint[] default '{}', refs_role text[] default '{}',
    -- work: id counted from that of the first position
    work_id bigint[] default '{}', work_partition integer[] default '{}', work_process text[] default '{}',
    work_key text[] default '{}',
    blobs_address text[] default '{}', blobs_sealed bytea[] default '{}',
    repeats_once text[] default '{}', repeats_times bigint[] default '{}',
    done_id bigint[] default '{}',
    begun_process text[] default '{}', begun_key text[] default '{}', begun_version bigint[] default '{}',
    begun_data bytea[] default '{}',
    moved_version bigint[] default '{}', moved_data bytea[] default '{}', moved_process text[] default '{}',
    moved_key text[] default '{}', moved_was bigint[] default '{}',
    settled_status text[] default '{}', settled_attempts bigint[] default '{}', settled_due bigint[] default '{}',
    settled_reference text[] default '{}', settled_note text[] default '{}', settled_document bytea[] default '{}',
    settled_id text[] default '{}', settled_was text[] default '{}', settled_attempts_was bigint[] default '{}',
    counted_name text[] default '{}', counted_value bigint[] default '{}',
    -- deliveries: "later" is how many come after it for the same instance
    deliveries_id text[] default '{}', deliveries_instance text[] default '{}', deliveries_role text[] default '{}',
    deliveries_key text[] default '{}', deliveries_document bytea[] default '{}', deliveries_due bigint[] default '{}',
    deliveries_process text[] default '{}', deliveries_process_key text[] default '{}', deliveries_cause text[] default '{}',
    deliveries_root text[] default '{}', deliveries_created bigint[] default '{}', deliveries_status text[] default '{}',
    deliveries_attempts bigint[] default '{}', deliveries_priority bigint[] default '{}',
    deliveries_reference text[] default '{}', deliveries_note text[] default '{}', deliveries_later bigint[] default '{}',
    fired_process text[] default '{}', fired_key text[] default '{}', fired_name text[] default '{}',
    fired_due bigint[] default '{}',
    armed_process text[] default '{}', armed_key text[] default '{}', armed_name text[] default '{}',
    armed_due bigint[] default '{}', armed_cause text[] default '{}', armed_root text[] default '{}',
    cancelled_process text[] default '{}', cancelled_key text[] default '{}', cancelled_name text[] default '{}',
    cursors_name text[] default '{}', cursors_position bigint[] default '{}',
    seals_position bigint[] default '{}', seals_events bigint[] default '{}', seals_head text[] default '{}',
    seals_at bigint[] default '{}', seals_signature text[] default '{}',
    -- into how many partitions the work is divided; who commits, blank where nobody beats; and which channel is to hear of it
    divided text default '', committer text default '', channel text default ''
) returns bigint language plpgsql as $$
declare
    first bigint := 0;
    written bigint;
    passed_over bigint;
begin
    if cardinality(events_once) > 0 then
        perform 1 from events e where e.once = any(events_once) limit 1;
        if found then
            return 0;
        end if;
        -- first of all the transaction's id and its positions: nothing may be written before
        first := journal_positions(cardinality(events_once));
    end if;

    if committer <> '' then
        -- a worker's row cannot go until its commit has ended; but it can change, so that everybody goes on beating
        perform 1 from workers w where w.worker = committer for key share;
        get diagnostics written = row_count;
        perform journal_expect(written, 1, 'workers');
    end if;
    if divided <> '' then
        -- the count cannot change while a worker's row is locked; who does not beat locks the count itself
        if committer <> '' then
            perform 1 from meta m where m.name = 'partitions' and m.value = divided;
        else
            perform 1 from meta m where m.name = 'partitions' and m.value = divided for share;
        end if;
        if not found then
            raise exception 'the work is divided otherwise by now' using errcode = 'SU002';
        end if;
    end if;

    if cardinality(events_once) > 0 then
        insert into events (position, once, kind, type, source, at, root, body)
        select first + s.position, s.once, s.kind, s.type, s.source, s.at, s.root, s.body from unnest(
            events_position, events_once, events_kind, events_type, events_source, events_at, events_root, events_body)
            as s (position, once, kind, type, source, at, root, body)
        order by s.once on conflict (once) do nothing;
        get diagnostics written = row_count;
        if written <> cardinality(events_once) then
            raise exception 'another writer was first' using errcode = 'SU002';
        end if;
    end if;
    if cardinality(refs_id) > 0 then
        insert into refs (id, type, position, role)
        select s.id, s.type, first + s.position, s.role
        from unnest(refs_id, refs_type, refs_position, refs_role) as s (id, type, position, role);
    end if;
    if cardinality(work_id) > 0 then
        insert into work (id, partition, process, key)
        select (first << 16) + s.id, s.partition, s.process, s.key
        from unnest(work_id, work_partition, work_process, work_key) as s (id, partition, process, key);
    end if;
    if cardinality(blobs_address) > 0 then
        insert into blobs select s.address, s.sealed from unnest(blobs_address, blobs_sealed) as s (address, sealed)
        order by s.address on conflict do nothing;
    end if;
    if cardinality(repeats_once) > 0 then
        insert into repeats as r select s.once, s.times from unnest(repeats_once, repeats_times) as s (once, times)
        order by s.once on conflict (once) do update set times = r.times + excluded.times;
    end if;

    if cardinality(done_id) > 0 then
        delete from work w where w.id = any(done_id);
        get diagnostics written = row_count;
        perform journal_expect(written, cardinality(done_id), 'work');
    end if;
    if cardinality(begun_key) > 0 then
        insert into states select s.process, s.key, s.version, s.data
        from unnest(begun_process, begun_key, begun_version, begun_data) as s (process, key, version, data)
        order by s.process, s.key on conflict do nothing;
        get diagnostics written = row_count;
        perform journal_expect(written, cardinality(begun_key), 'states');
    end if;
    if cardinality(moved_key) > 0 then
        update states t set version = s.version, data = s.data
        from unnest(moved_version, moved_data, moved_process, moved_key, moved_was) as s (version, data, process, key, was)
        where t.process = s.process and t.key = s.key and t.version = s.was;
        get diagnostics written = row_count;
        perform journal_expect(written, cardinality(moved_key), 'states');
    end if;
    if cardinality(settled_id) > 0 then
        update deliveries d set status = s.status, attempts = s.attempts, due = s.due, note = s.note,
            reference = coalesce(nullif(s.reference, ''), d.reference), document = coalesce(nullif(s.document, ''), d.document)
        from unnest(settled_status, settled_attempts, settled_due, settled_reference, settled_note, settled_document, settled_id,
            settled_was, settled_attempts_was)
            as s (status, attempts, due, reference, note, document, id, was, attempts_was)
        where d.id = s.id and d.status = s.was and d.attempts = s.attempts_was;
        get diagnostics written = row_count;
        perform journal_expect(written, cardinality(settled_id), 'settlements');
    end if;
    if cardinality(deliveries_id) > 0 then
        -- the instance's counter stays locked until the commit; only then is the sequence taken: both follow the order of commits
        passed_over := coalesce((select c.value from counters c where c.name = 'number/'), 0);
        insert into counters as c select s.name, passed_over + s.value from unnest(counted_name, counted_value) as s (name, value)
        order by s.name on conflict (name) do update set value = c.value + excluded.value - passed_over;
        insert into deliveries (id, instance, role, key, document, due, process, process_key, cause, root, created, status,
            attempts, priority, reference, note, number, sequence)
        select s.id, s.instance, s.role, s.key, s.document, s.due, s.process, s.process_key, s.cause, s.root, s.created, s.status,
            s.attempts, s.priority, s.reference, s.note, s.value - s.later, nextval('delivery_sequence')
        from (
            select s.*, c.value from unnest(deliveries_id, deliveries_instance, deliveries_role, deliveries_key,
                deliveries_document, deliveries_due, deliveries_process, deliveries_process_key, deliveries_cause,
                deliveries_root, deliveries_created, deliveries_status, deliveries_attempts, deliveries_priority,
                deliveries_reference, deliveries_note, deliveries_later) with ordinality
                as s (id, instance, role, key, document, due, process, process_key, cause, root, created, status, attempts,
                    priority, reference, note, later, place)
            join counters c on c.name = 'number/' || s.instance order by s.place) as s
        on conflict (id) do nothing;
        get diagnostics written = row_count;
        perform journal_expect(written, cardinality(deliveries_id), 'deliveries');
    end if;
    if cardinality(fired_key) > 0 then
        delete from timers t using unnest(fired_process, fired_key, fired_name, fired_due) as s (process, key, name, due)
        where t.process = s.process and t.key = s.key and t.name = s.name and t.due = s.due;
        get diagnostics written = row_count;
        perform journal_expect(written, cardinality(fired_key), 'timers');
    end if;

    if cardinality(armed_key) > 0 then
        insert into timers select s.process, s.key, s.name, s.due, s.cause, s.root
        from unnest(armed_process, armed_key, armed_name, armed_due, armed_cause, armed_root)
            as s (process, key, name, due, cause, root)
        order by s.process, s.key, s.name
        on conflict (process, key, name) do update set due = excluded.due, cause = excluded.cause, root = excluded.root;
    end if;
    if cardinality(cancelled_key) > 0 then
        delete from timers t using unnest(cancelled_process, cancelled_key, cancelled_name) as s (process, key, name)
        where t.process = s.process and t.key = s.key and t.name = s.name;
    end if;
    if cardinality(cursors_name) > 0 then
        insert into cursors select s.name, s.position from unnest(cursors_name, cursors_position) as s (name, position)
        order by s.name on conflict (name) do update set position = excluded.position;
    end if;
    if cardinality(seals_position) > 0 then
        insert into checkpoints select s.position, s.events, s.head, s.at, s.signature
        from unnest(seals_position, seals_events, seals_head, seals_at, seals_signature)
            as s (position, events, head, at, signature)
        on conflict do nothing;
        get diagnostics written = row_count;
        perform journal_expect(written, cardinality(seals_position), 'seals');
    end if;
    if channel <> '' then
        perform pg_notify(channel, committer);
    end if;
    return first;
end
$$;
