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

billed as not materialized (
    select *, hash("order", cast(order_line as bigint)) as place
    from (
        select i.position, i.invoice, i.line, i."order", coalesce(n.order_line, i.order_line) as order_line,
               i.item, i.currency, i.quantity, i.price, i.per, i.amount
        from $invoices i
        left join named n on i.position = n.position
    ) as every
),

-- Order lines that several invoice lines bill: these have to be taken in order. Numbers are counted faster than names; order lines
-- that happen to have the same number only take the longer way, to the same answer.
shared as (
    select place
    from billed
    where order_line <> 0
    group by place
    having count(*) > 1
),

came as (
    select "order", line, sum(quantity) as received, count(*) > count(quantity) as uncounted
    from $receipts
    group by "order", line
),

-- What has limits of its own has a number, 0 is all the rest; a cent is the minor unit in millionths, of most currencies 10000.
accounts as (
    select o."order", o.line, o.item, o.currency, o.quantity, o.price, o.per, o.cancelled, o.service,
           s.number as of_supplier, c.number as of_category, m.number as of_currency, m.cent
    from $orders o
    left join (values $suppliers) as s (name, number) on o.supplier = s.name
    left join (values $categories) as c (name, number) on o.category = c.name
    left join (values $currencies) as m (name, number, cent) on o.currency = m.name
),

beside as (
    select b.position, b.invoice, b.line, b."order", b.order_line, b.quantity, b.price, b.per, b.amount,
           b.place in (select place from shared) as several, o.line is not null as known,
           coalesce(b.item <> o.item, true) as x_item, coalesce(b.currency = o.currency, false) as same_money,
           coalesce(o.service, false) as service, coalesce(o.cancelled, false) as cancelled,
           coalesce(o.of_supplier, 0) as of_supplier, coalesce(o.of_category, 0) as of_category,
           coalesce(o.of_currency, 0) as of_currency, coalesce(o.cent, 10000) as cent,
           o.quantity as o_quantity, o.price as o_price, o.per as o_per,
           coalesce(c.received, 0) as received, coalesce(c.uncounted, false) as uncounted
    from billed b
    left join accounts o on b."order" = o."order" and b.order_line = o.line
    left join came c on b."order" = c."order" and b.order_line = c.line
),

-- Plain is a line of which the decimals themselves show that nothing differs: nothing else holds its order line, and its amount is
-- a multiple of the minor unit and nearer to quantity times price than half of one. Four in five need no larger number at all.
sorted as materialized (
    select *, case
        when not several and not x_item and same_money and not cancelled
             and price = o_price and per = o_per and per > 0 and price >= 0
             and quantity > 0 and quantity <= o_quantity and quantity <= received and not uncounted
             and cent = 10000 and amount % 0.01 = 0 and amount < 100000000
             and abs(quantity * price - amount * per) < 0.005 * per then true
        else false end as plain
    from beside
),

-- All others in whole numbers: millionths, multiplied crosswise, as exact as fractions. A size is an upper bound in floating point.
sized as (
    select *,
           coalesce(per > 0 and o_per > 0 and not uncounted, false) and quantity is not null and o_quantity is not null
               and price is not null and o_price is not null and amount is not null as counted,
           greatest(abs(cast(price as double)), abs(cast(o_price as double)), abs(cast(amount as double))) * 1e6 + 1 as price_size,
           greatest(cast(per as double), cast(o_per as double)) * 1e6 + 1 as per_size,
           greatest(abs(cast(quantity as double)), abs(cast(o_quantity as double)), abs(cast(received as double))) * 1e6 + 1
               as count_size
    from sorted
    where not plain
),

-- sure: it may be judged here at all; every product stays within 37 digits, every sum within a long, every answer within its type
weighable as (
    select *, known and same_money and counted and coalesce(
        abs(cast(quantity as double)) < 1e8 and abs(cast(amount as double)) < 5e11 and price_size < 9e18 and count_size < 9e18
        and price_size * per_size * greatest(count_size, per_size) * 1e6 < 1e36
        and price_size * count_size < 1e23 * cast(o_per as double), false) as sure
    from sized
),

-- a sum of 38 digits is narrowed first: times a million it would be multiplied with a check in every row
measured as materialized (
    select position, invoice, line, "order", order_line, amount, o_quantity, received, several,
           known, same_money, counted, sure, x_item, service, cancelled,
           case when sure then cast(quantity * 1000000 as bigint) end as q,
           case when sure then cast(amount * 1000000 as bigint) end as a,
           case when sure then cast(price * 1000000 as bigint) end as p,
           case when sure then cast(per * 1000000 as bigint) end as b,
           case when sure then cast(o_quantity * 1000000 as bigint) end as o_q,
           case when sure then cast(o_price * 1000000 as bigint) end as o_p,
           case when sure then cast(o_per * 1000000 as bigint) end as o_b,
           case when sure then cast(cast(received as decimal(20, 6)) * 1000000 as bigint) end as r_q,
           cent, of_supplier, of_category, of_currency
    from weighable
),

-- what lines that were accepted earlier hold of the same order line
after_others as (
    select *, cast(0 as bigint) as before
    from measured
    where not several

    union all

    select *, cast(coalesce(sum(q) over (
        partition by "order", order_line order by position rows between unbounded preceding and 1 preceding
    ), 0) as bigint) as before
    from measured
    where several
),

limits as (
    select * from (values $limits)
        as named (of_supplier, of_category, of_currency, over_ppm, over_micro, under_ppm, stretch, two_way)
),

claimed as (
    select t.*, l.over_ppm, l.over_micro, l.under_ppm, l.stretch, l.two_way and t.service as two, t.before + t.q as claim
    from after_others t
    left join limits l
        on t.of_supplier = l.of_supplier and t.of_category = l.of_category and t.of_currency = l.of_currency
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
       o_quantity as ordered, cast(received as decimal(38, 6)) as received, cast(0 as decimal(18, 6)) as before
from sorted
where plain

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
       o_quantity as ordered, cast(case when known then received else 0 end as decimal(38, 6)) as received,
       cast(before * 0.000001 as decimal(18, 6)) as before
from varied
