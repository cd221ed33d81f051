-- What may go out at once is written as 'sending' by the commit that owes it: one commit less before a counterpart hears of it.

-- Called in the statement of such a commit, after journal_commit: a new delivery goes back into the queue where an open one
-- stands before it under its key. Returns the number of each that goes, and 0 for each that does not. The counters of the
-- instances are locked by then, so nobody adds one before it any more.
create function journal_going(ids text[]) returns bigint[] language plpgsql as $$
begin
    update deliveries d set status = 'queued', attempts = d.attempts - 1
    where d.id = any(ids) and d.status = 'sending' and exists (
        select from deliveries e where e.instance = d.instance and e.key = d.key and e.sequence < d.sequence
            and e.status in ('queued', 'sending', 'awaiting', 'unknown', 'parked'));
    return array(
        select case when d.status = 'sending' then d.number else 0 end
        from unnest(ids) with ordinality as s (id, place) left join deliveries d on d.id = s.id order by s.place);
end
$$;
