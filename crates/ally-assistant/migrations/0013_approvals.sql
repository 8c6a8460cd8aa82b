-- Approval requests are waits of their run. They are listed by age, and those that nobody has answered are counted.

CREATE INDEX waits_for_approval ON waits (opened, id) WHERE kind = 'approval';
CREATE INDEX waits_unanswered ON waits (opened, id) WHERE kind = 'approval' AND resolved IS NULL;
