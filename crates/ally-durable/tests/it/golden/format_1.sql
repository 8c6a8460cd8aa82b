INSERT INTO runs (id, kind, subject, parent, idempotency_key, state, reason, state_at, attempts, epoch, cancel_requested, input, integrity, confidentiality, created, started)
VALUES ('run_01K2Z0000000000000000000AA', 'test', 'chat_1', NULL, NULL, 'running', NULL, 1763000000000, 1, 1, NULL, '{}', 'user', 'private', 1763000000000, 1763000000000);
INSERT INTO journal (run, seq, format, at, kind, step, effect, attempt, body, integrity, confidentiality) VALUES
('run_01K2Z0000000000000000000AA', 1, 1, 1763000000000, 'created', NULL, NULL, 0, NULL, 'trusted', 'private'),
('run_01K2Z0000000000000000000AA', 2, 1, 1763000000000, 'started', NULL, NULL, 1, NULL, 'trusted', 'private'),
('run_01K2Z0000000000000000000AA', 3, 1, 1763000000000, 'intent', 'model/0', 'model', 1, '"hello"', 'user', 'private'),
('run_01K2Z0000000000000000000AA', 4, 1, 1763000000001, 'outcome', 'model/0', 'model', 1, '"old"', 'outside', 'private'),
('run_01K2Z0000000000000000000AA', 5, 1, 1763000000002, 'intent', 'tool/memory', 'idempotent', 1, '{"command":"view"}', 'outside', 'private');
