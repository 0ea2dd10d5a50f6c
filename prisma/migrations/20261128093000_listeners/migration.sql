-- By hand: partial indexes. Whom an event starts is found by owner or by artifact, however many of others wait for its type.
DROP INDEX "job_listening";
CREATE INDEX "job_listening" ON "job" ("event_type", "owner_id") WHERE "event_type" IS NOT NULL AND "enabled" AND "deleted_at" IS NULL;
CREATE INDEX "job_listening_on_artifact" ON "job" ("event_type", "artifact_id") WHERE "event_type" IS NOT NULL AND "artifact_id" IS NOT NULL AND "enabled" AND "deleted_at" IS NULL;
