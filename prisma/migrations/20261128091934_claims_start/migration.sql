-- AlterTable
ALTER TABLE "run_queue" DROP COLUMN "started";
