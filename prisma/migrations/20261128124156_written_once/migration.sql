-- What is under way of a run stands in its own row; an attempt and a step are written when they have ended.
ALTER TABLE "run" ADD COLUMN     "attempt_started_at" TIMESTAMPTZ(3),
ADD COLUMN     "node_id" UUID,
ADD COLUMN     "step" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "step_started_at" TIMESTAMPTZ(3);

UPDATE "run" SET "attempt_started_at" = a.started_at, "node_id" = a.node_id
FROM "run_attempt" a WHERE a.run_id = "run".id AND a.status = 'RUNNING';
DELETE FROM "run_attempt" WHERE "status" = 'RUNNING';

-- All that were not final may be at a later step than the first.
UPDATE "run" SET "step" = s.done, "step_started_at" = s.started_at
FROM (
  SELECT run_id, count(*) FILTER (WHERE status = 'SUCCEEDED') AS done, max(started_at) AS started_at
  FROM "run_step" WHERE run_id IN (SELECT run_id FROM "run_queue") GROUP BY run_id
) s WHERE s.run_id = "run".id;

-- A run that ends names these columns though it changes none of them: that is no reason to write the text anew.
DROP TRIGGER keep_job_text ON "job";
CREATE TRIGGER keep_text_of_new_job AFTER INSERT ON "job" FOR EACH ROW EXECUTE FUNCTION keep_job_text();
CREATE TRIGGER keep_job_text
AFTER UPDATE OF "name", "description", "owner_id", "surface", "hidden", "draft_of_id", "deleted_at" ON "job"
FOR EACH ROW
WHEN ((OLD.name, OLD.description, OLD.owner_id, OLD.surface, OLD.hidden, OLD.draft_of_id, OLD.deleted_at)
  IS DISTINCT FROM (NEW.name, NEW.description, NEW.owner_id, NEW.surface, NEW.hidden, NEW.draft_of_id, NEW.deleted_at))
EXECUTE FUNCTION keep_job_text();

-- They are written by statements that hold the run's row, and go with it by the statement that forgets it.
ALTER TABLE "run_attempt" DROP CONSTRAINT "run_attempt_run_id_fkey";
ALTER TABLE "run_step" DROP CONSTRAINT "run_step_run_id_fkey";
ALTER TABLE "delivery" DROP CONSTRAINT "delivery_run_id_fkey";
