-- CreateTable
CREATE TABLE "job_text" (
    "job_id" UUID NOT NULL,
    "owner_id" UUID NOT NULL,
    "surface" "surface" NOT NULL,
    "name" TEXT COLLATE "C" NOT NULL,
    "search" tsvector NOT NULL,

    CONSTRAINT "job_text_pkey" PRIMARY KEY ("job_id")
);

-- CreateIndex
CREATE INDEX "job_text_owner_id_job_id_idx" ON "job_text"("owner_id", "job_id");

-- CreateIndex
CREATE INDEX "job_text_owner_id_surface_name_job_id_idx" ON "job_text"("owner_id", "surface", "name", "job_id");

-- AddForeignKey
ALTER TABLE "job_text" ADD CONSTRAINT "job_text_job_id_fkey" FOREIGN KEY ("job_id") REFERENCES "job"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- By hand: words, and what keeps them.

-- Words of a text, between spaces: what splits them is as in src/jobs/search.ts.
CREATE FUNCTION job_words(given TEXT) RETURNS TEXT IMMUTABLE LANGUAGE sql AS
  $$ SELECT regexp_replace(coalesce(given, ''), '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u2000-\u206f\u3000-\u3003\u3008-\u3011]+', ' ', 'g') $$;

CREATE FUNCTION job_search(name TEXT, description TEXT) RETURNS TSVECTOR IMMUTABLE LANGUAGE sql AS $$
  SELECT setweight(to_tsvector('pg_catalog.simple', job_words(name)), 'A')
    || setweight(to_tsvector('pg_catalog.simple', job_words(description)), 'B') $$;

INSERT INTO "job_text" ("job_id", "owner_id", "surface", "name", "search")
SELECT "id", "owner_id", "surface", lower(coalesce("name", '')), job_search("name", "description") FROM "job"
WHERE "deleted_at" IS NULL AND NOT "hidden" AND "draft_of_id" IS NULL;

-- Without a list of pending entries, which every search would have to walk through.
CREATE INDEX "job_text_search" ON "job_text" USING GIN ("search") WITH (fastupdate = off);

CREATE FUNCTION keep_job_text() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.deleted_at IS NOT NULL OR NEW.hidden OR NEW.draft_of_id IS NOT NULL THEN
    DELETE FROM job_text WHERE job_id = NEW.id;
  ELSE
    INSERT INTO job_text (job_id, owner_id, surface, name, search)
    VALUES (NEW.id, NEW.owner_id, NEW.surface, lower(coalesce(NEW.name, '')), job_search(NEW.name, NEW.description))
    ON CONFLICT (job_id) DO UPDATE
    SET owner_id = excluded.owner_id, surface = excluded.surface, name = excluded.name, search = excluded.search;
  END IF;
  RETURN NULL;
END $$;

-- Of none of these columns when a slot fires or a run ends.
CREATE TRIGGER keep_job_text
AFTER INSERT OR UPDATE OF "name", "description", "owner_id", "surface", "hidden", "draft_of_id", "deleted_at" ON "job"
FOR EACH ROW EXECUTE FUNCTION keep_job_text();
