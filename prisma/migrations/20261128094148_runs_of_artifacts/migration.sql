-- DropIndex
DROP INDEX "run_artifact_id_id_idx";

-- DropIndex
DROP INDEX "run_event_artifact_id_position_idx";

-- Runs of no artifact, and their events, need not stand in these: one entry fewer for each.
CREATE INDEX "run_of_artifact" ON "run" ("artifact_id", "id" DESC) WHERE "artifact_id" IS NOT NULL;
CREATE INDEX "run_event_of_artifact" ON "run_event" ("artifact_id", "position") WHERE "artifact_id" IS NOT NULL;
