-- What may go out at once is written as 'sending' by the commit that owes it: one commit less before a counterpart hears of it.

-- Called in the statement of such a commit, after journal_commit, about new deliveries that were written as 'sending': one that
-- is not the first open one under its key goes back into the queue. Returns the number of each that goes, and 0 for each that
-- does not. The counters of the instances are locked by then, so nobody adds one before it any more.
-- As everywhere, each is found by its id, and the first of its key in one step on the index, whatever the statistics say.
create function journal_going(ids text[]) returns bigint[] language plpgsql as $$
declare
    numbers bigint[] := array(
        select case when d.sequence = (
            select min(e.sequence) from deliveries e where e.instance = d.instance and e.key = d.key
                and e.status in ('queued', 'sending', 'awaiting', 'unknown', 'parked')) then d.number else 0 end
        from unnest(ids) with ordinality as s (id, place) left join deliveries d on d.id = s.id order by s.place);
begin
    if 0 = any(numbers) then
        update deliveries d set status = 'queued', attempts = d.attempts - 1
        from unnest(ids, numbers) as s (id, number) where s.number = 0 and d.id = s.id;
    end if;
    return numbers;
end
$$;
