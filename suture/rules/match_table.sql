-- The three-way match of rules.matching over tables; match_table.py says what they hold, and puts names and terms in their places.

with

-- which order line an invoice line bills: its own or, where it names none, the only line of its item
single as (
    select "order", item, max(line) as line
    from $orders
    where "order" in (select "order" from $invoices where order_line = 0)
    group by "order", item
    having count(*) = 1
),

named as (
    select i.position, i."order", n.line as order_line
    from $invoices i
    join single n on i."order" = n."order" and i.item = n.item
    where i.order_line = 0
),

-- order lines that several invoice lines bill: these have to be taken in order
shared as (
    select "order", order_line
    from (select "order", order_line from $invoices where order_line <> 0 union all select "order", order_line from named) as every
    group by "order", order_line
    having count(*) > 1
),

came as (
    select "order", line, sum(quantity) as received, max(case when quantity is null then 1 else 0 end) as uncounted
    from $receipts
    group by "order", line
),

accounts as (
    select o.*, coalesce(c.received, 0) as received, coalesce(c.uncounted, 0) as uncounted
    from $orders o left join came c on o."order" = c."order" and o.line = c.line
),

billed as (
    select i.*, coalesce(n.order_line, i.order_line) as billed_line
    from $invoices i
    left join named n on i.position = n.position
),

beside as (
    select b.position, b.invoice, b.line, b."order", b.billed_line as order_line, b.currency, b.quantity, b.price, b.per, b.amount,
           s.order_line is not null as several, o.line is not null as known,
           coalesce(b.item <> o.item, true) as x_item, coalesce(b.currency = o.currency, false) as same_money,
           o.supplier, o.category, coalesce(o.service, false) as service, coalesce(o.cancelled, false) as cancelled,
           o.quantity as o_quantity, o.price as o_price, o.per as o_per,
           o.received, o.uncounted
    from billed b
    left join accounts o on b."order" = o."order" and b.billed_line = o.line
    left join shared s on b."order" = s."order" and b.billed_line = s.order_line
),

-- Plain is a line of which floating point is enough to see that nothing differs: nothing else holds its order line, and its amount
-- is a multiple of the minor unit and nearer to quantity times price than half of one. Four in five need no large number at all.
sorted as materialized (
    select *, case
        when not several and not x_item and same_money and not cancelled
             and price = o_price and per = o_per and per > 0 and price >= 0
             and quantity > 0 and quantity <= o_quantity and quantity <= received and uncounted = 0
             and currency not in ($odd_currencies) and amount = round(amount, 2) and amount < 100000000
             and abs(cast(quantity as double) * cast(price as double) - cast(amount as double) * cast(per as double))
                 < 0.0049 * cast(per as double) then 0
        when several then 2
        else 1 end as way
    from beside
),

-- All others in whole numbers: millionths, multiplied crosswise, as exact as fractions. A size is an upper bound in floating point.
sized as (
    select *,
           coalesce(per > 0 and o_per > 0 and uncounted = 0, false) and quantity is not null and o_quantity is not null
               and price is not null and o_price is not null and amount is not null as counted,
           greatest(abs(cast(price as double)), abs(cast(o_price as double)), abs(cast(amount as double))) * 1e6 + 1 as price_size,
           greatest(cast(per as double), cast(o_per as double)) * 1e6 + 1 as per_size,
           greatest(abs(cast(quantity as double)), abs(cast(o_quantity as double)), abs(cast(received as double))) * 1e6 + 1
               as count_size
    from sorted
    where way > 0
),

-- sure: it may be judged here at all; every product stays within 37 digits, every sum within a long, every answer within its type
weighable as (
    select *, known and same_money and counted and coalesce(
        abs(cast(quantity as double)) < 1e8 and abs(cast(amount as double)) < 5e11 and price_size < 9e18 and count_size < 9e18
        and price_size * per_size * greatest(count_size, per_size) * 1e6 < 1e36
        and price_size * count_size < 1e23 * cast(o_per as double), false) as sure
    from sized
),

measured as (
    select position, invoice, line, "order", order_line, amount, o_quantity, received, way,
           known, same_money, counted, sure, x_item, service, cancelled,
           case when sure then cast(quantity * 1000000 as bigint) end as q,
           case when sure then cast(amount * 1000000 as bigint) end as a,
           case when sure then cast(price * 1000000 as bigint) end as p,
           case when sure then cast(per * 1000000 as bigint) end as b,
           case when sure then cast(o_quantity * 1000000 as bigint) end as o_q,
           case when sure then cast(o_price * 1000000 as bigint) end as o_p,
           case when sure then cast(o_per * 1000000 as bigint) end as o_b,
           case when sure then cast(received * 1000000 as bigint) end as r_q,
           case $cents else 10000 end as cent,
           case when supplier in ($suppliers) then supplier else '' end as limit_supplier,
           case when category in ($categories) then category else '' end as limit_category,
           case when currency in ($currencies) then currency else '' end as limit_currency
    from weighable
),

-- what lines that were accepted earlier hold of the same order line
after_others as (
    select *, cast(0 as bigint) as before
    from measured
    where way = 1

    union all

    select *, cast(coalesce(sum(q) over (
        partition by "order", order_line order by position rows between unbounded preceding and 1 preceding
    ), 0) as bigint) as before
    from measured
    where way = 2
),

limits as (
    select * from (values $limits)
        as named (for_supplier, for_category, for_currency, over_ppm, over_micro, under_ppm, stretch, two_way)
),

claimed as (
    select t.*, l.over_ppm, l.over_micro, l.under_ppm, l.stretch, l.two_way and t.service as two, t.before + t.q as claim
    from after_others t
    left join limits l
        on t.limit_supplier = l.for_supplier and t.limit_category = l.for_category and t.limit_currency = l.for_currency
),

-- products of large numbers stand behind a condition wherever few lines need them
compared as (
    select *,
           q <> 0 and claim > o_q and not cancelled as over_ordered,
           case when q <> 0 and claim > o_q and not cancelled
                then cast(claim as decimal(38, 0)) * 1000000 > o_q * stretch else false end as far_over_ordered,
           q <> 0 and claim > r_q and (cancelled or not two) as over_received,
           case when q = 0 or p = o_p and b = o_b then cast(0 as decimal(38, 0))
                else cast(p as decimal(38, 0)) * o_b - cast(o_p as decimal(38, 0)) * b end as dearer,
           greatest(least(q, case when cancelled then r_q - before when two then o_q - before
                                  else least(o_q, r_q) - before end), 0) as payable
    from claimed
),

-- what differs, in the order in which rules.matching names it: x for an exception, w for what may heal by itself, t for tolerated
judged as (
    select *,
           q < 0 or a < 0 or p < 0 as x_negative,
           case when abs(a) < 1e14 and abs(cast(q as double) * p - cast(a as double) * b) < 1.5 * cent * b then false
                else abs(cast(p as decimal(38, 0)) * q - cast(a as decimal(38, 0)) * b) >= cast(2 * cent as decimal(38, 0)) * b
                end as x_arithmetic,
           over_received and cancelled as x_cancelled,
           over_received and not cancelled and not far_over_ordered as short,
           case when claim > r_q then cast(claim as decimal(38, 0)) * 1000000 <= r_q * stretch else true end as near,
           case when dearer > 0
                then not ((over_ppm >= 0 or over_micro >= 0)
                     and (over_ppm < 0 or dearer * 1000000 * q <= cast(o_p as decimal(38, 0)) * b * over_ppm * q)
                     and (over_micro < 0 or dearer * q <= over_micro * b * o_b)) else false end as x_price_over,
           case when dearer < 0
                then under_ppm >= 0 and -dearer * 1000000 * q > cast(o_p as decimal(38, 0)) * b * under_ppm * q
                else false end as x_price_under,
           cast(payable as double) * o_p / (cast(o_b as double) * cent) as minor_units
    from compared
),

-- Payable are so many minor units, rounded half up: in floating point, and where that is near a half or large, mended exactly.
guessed as (
    select *, cast(floor(minor_units + 0.5) as bigint) as guess,
           case when abs(minor_units) > 1e9 or abs(minor_units - floor(minor_units) - 0.5) < 0.001
                then (cast(payable as decimal(38, 0)) * o_p
                      - cast(floor(minor_units + 0.5) as decimal(38, 0)) * cent * o_b) * 2
                else cast(0 as decimal(38, 0)) end as rest,
           abs(a) + cent // 2 as beyond
    from judged
),

varied as (
    select *,
           (beyond - beyond % cent) * case when a < 0 then -1 else 1 end
           - (guess + case when rest = 0 then 0 when rest >= cast(cent as decimal(38, 0)) * o_b then 1
                           when rest < -cast(cent as decimal(38, 0)) * o_b then -1 else 0 end) * cent as variance
    from guessed
)

select position, invoice, line, "order", order_line,
       'matched' as outcome, '' as reasons, cast(0 as decimal(18, 6)) as variance,
       o_quantity as ordered, cast(coalesce(received, 0) as decimal(38, 6)) as received, cast(0 as decimal(18, 6)) as before
from sorted
where way = 0

union all

select position, invoice, line, "order", order_line,
       case when not sure then case when known and same_money and counted then 'beyond' else 'exception' end
            when x_item or x_negative or x_arithmetic or x_cancelled or far_over_ordered or x_price_over or x_price_under
                then 'exception'
            when short and not near then 'waiting'
            else 'matched' end as outcome,
       case when sure then concat_ws(' ',
                case when x_item then 'item_differs' end,
                case when x_negative then 'negative_line' end,
                case when x_arithmetic then 'arithmetic' end,
                case when x_cancelled then 'order_cancelled' end,
                case when over_ordered then 'quantity_over_ordered' end,
                case when short then case when near or r_q > 0 then 'quantity_over_received' else 'not_received' end end,
                case when dearer > 0 then 'price_over' when dearer < 0 then 'price_under' end)
            when not known then 'line_unknown'
            when not same_money then 'currency'
            when not counted then 'unit_unknown'
            else '' end as reasons,
       case when sure then cast(variance * 0.000001 as decimal(18, 6)) else amount end as variance,
       o_quantity as ordered, cast(coalesce(received, 0) as decimal(38, 6)) as received, cast(before * 0.000001 as decimal(18, 6)) as before
from varied
