/** All that drivers need of the product. Wired in app.ts, so that a driver knows no database and no mail server. */

/** For whom an action is done: the owner of its job, and the artifact that the job is put on. UUIDs with dashes. */
export type Subject = {
  ownerId: string
  artifactId: string | null
  /** Ids of the datasets that the job has by names of its own. */
  datasets?: Readonly<Record<string, string>>
}

/** A step of a run. Done over after a crash it has the same key, by which an effect inside of Runsheet is done once. */
export type EffectKey = { runId: string; position: number }

/** An effect that cannot be had, for a reason that the author of the job can mend. */
export class EffectError extends Error {
  override readonly name = 'EffectError'
  /** Upper case, for programs: `DATASET_FULL`. */
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** `id`: a UUID with dashes. */
export type DatasetRef = { id: string; name: string }

export type Row = Record<string, unknown>

export type DatasetPort = {
  /**
   * The job's own name for a dataset, `dat_…` or the UUID, the name of a dataset of the artifact, the slug of one of the
   * owner's own that is on no artifact, or `handle:slug` of one that somebody else has. Null if there is none that the owner may read or, for `write`, change.
   */
  find(subject: Subject, ref: string, right: 'read' | 'write'): Promise<DatasetRef | null>
  /** The dataset of this name on the artifact, or without an artifact among the owner's own that are on none. */
  named(subject: Subject, name: string): Promise<DatasetRef | null>
  /**
   * The same, made if there is none.
   * @throws EffectError when the artifact is gone
   */
  ensure(subject: Subject, name: string): Promise<DatasetRef>
  /**
   * Puts rows into a dataset, all or none: readers see what was there before, or all that is there now. With a key that
   * was used before nothing changes, and the answer is that of the first time. Rows come in batches.
   * @throws EffectError when the dataset is gone, a row is none, or a limit is passed; what `batches` throws; the signal's reason
   */
  load(
    dataset: DatasetRef,
    batches: AsyncIterable<Row[]>,
    options: { mode: 'REPLACE' | 'APPEND'; effect: EffectKey | null; signal: AbortSignal },
  ): Promise<{ rows: number }>
  /** All rows as they are at one instant, in batches, in the order in which they were made. */
  read(dataset: DatasetRef): AsyncIterable<Row[]>
  /** Keeps the rows as they are at this instant. `id`: `snp_…`. */
  snapshot(dataset: DatasetRef, options: { effect: EffectKey | null }): Promise<{ id: string; rows: number }>
  /** Deletes all but the newest `keep` snapshots; answers how many went. */
  prune(dataset: DatasetRef, keep: number): Promise<number>
}

/** Which version: the one with this number, the newest, or the one that was live before the one that is. */
export type VersionTarget = number | 'LATEST' | 'PREVIOUS'

export type ArtifactPort = {
  /** The UUID of an artifact that the owner may change: `art_…`, or null for the one that the job is on. Null: none. */
  find(subject: Subject, ref: string | null): Promise<string | null>
  /** The number of the version that is meant; null if there is none. */
  versionOf(artifactId: string, target: VersionTarget): Promise<number | null>
  /**
   * Makes a version live; one that is live already stays so, without a further deployment. A step that has done so
   * before changes nothing, and is answered as it was then. `url`: of the page that shows the artifact.
   * @throws EffectError NO_SUCH_ARTIFACT or NO_SUCH_VERSION when it is gone, RUN_OVER when nobody waits for the step any more
   */
  deploy(
    artifactId: string,
    target: VersionTarget,
    by: { ownerId: string; effect: EffectKey | null /** Of the event that tells. */; depth: number },
  ): Promise<{ versionNo: number; changed: boolean; url: string }>
  /** The page that the live version answers at its root; null if there is none, or if it is larger than 5 MiB. */
  page(artifactId: string): Promise<{ name: string; path: string; mime: string; content: Buffer } | null>
}

export type MailMessage = {
  /** The left side of the Message-ID, of letters, digits and dots; the same at every attempt. */
  id: string
  to: readonly string[]
  replyTo?: string | undefined
  subject: string
  text: string
  html?: string | undefined
  attachments: readonly { filename: string; contentType: string; content: Buffer }[]
}

/** What became of one recipient. `code`: of SMTP (250, 550 …), null when the server gave none. */
export type MailReceipt = {
  address: string
  accepted: boolean
  code: number | null
  /** The server's words, one line. */
  response: string
}

export type MailOutcome = {
  /** Without angle brackets. */
  messageId: string
  /** In the order of `to`. */
  receipts: MailReceipt[]
  /** Bytes of the message. */
  bytes: number
}

/** Why nothing was sent at all. */
export class MailError extends Error {
  override readonly name = 'MailError'
  /** SMTP_TIMEOUT, SMTP_CONNECTION, SMTP_TLS, SMTP_AUTH, SMTP_REFUSED (see `status`), EGRESS_REFUSED, OUTBOX, ABORTED. */
  readonly code: string
  /** Whether the same may succeed later. */
  readonly transient: boolean
  /** Of SMTP, if the server answered. */
  readonly status: number | null
  /** Of the message that went nowhere. Receipts only of recipients that the server refused one by one. */
  readonly outcome: MailOutcome | null

  constructor(
    code: string,
    message: string,
    options: { transient: boolean; status?: number | null; outcome?: MailOutcome | null },
  ) {
    super(message)
    this.code = code
    this.transient = options.transient
    this.status = options.status ?? null
    this.outcome = options.outcome ?? null
  }
}

export type MailPort = {
  /**
   * Hands a message over to the mail server, for all recipients that it takes.
   * @throws MailError when it takes none of them, or was not reached
   */
  send(message: MailMessage, signal: AbortSignal): Promise<MailOutcome>
}
