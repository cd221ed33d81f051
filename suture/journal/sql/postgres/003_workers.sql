-- Who serves this journal, and which part is whose. A worker lives until the moment given here, and while the server still
-- has its connection ("backend"); a commit keeps its own row locked, so that nobody is given up in the middle of one.
create table workers (
    worker   text collate "C" primary key,
    roles    text not null,
    until    timestamptz not null,
    backends integer[] not null,
    server   text not null
);

create table leases (
    name   text collate "C" primary key,
    worker text collate "C" not null
);
