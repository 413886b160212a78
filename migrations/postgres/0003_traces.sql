-- Where a task's submission stands in a trace (W3C traceparent), null for all that are not traced: the hand-out comes
-- later, perhaps from another leader.
ALTER TABLE task ADD COLUMN trace text;
