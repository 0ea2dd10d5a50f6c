-- AlterEnum
-- This migration adds more than one value to an enum.
-- With PostgreSQL versions 11 and earlier, this is not possible
-- in a single migration. This can be worked around by creating
-- multiple migrations, each migration adding only one value to
-- the enum.


ALTER TYPE "run_event_kind" ADD VALUE 'STEP_PROGRESS';
ALTER TYPE "run_event_kind" ADD VALUE 'STEP_LOG';

-- AlterTable
ALTER TABLE "run_step" ADD COLUMN     "log_bytes" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "log_dropped" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "log_lines" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "progress" JSONB;
