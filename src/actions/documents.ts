/** The JSON documents of an artifact, for steps whose templates ask for them. */
import type { JsonValue } from './driver.ts'

/** By their keys. `artifactId`: a UUID. */
export type ReadDocuments = (artifactId: string) => Promise<{ [key: string]: JsonValue }>

/** Of one artifact, the first by their keys. */
export const DOCUMENTS_LIMIT = 50

const asksFor = (config: unknown) => JSON.stringify(config).includes('artifact.documents')

/** The part of a step's context; nothing for a step that does not ask. */
export const documentsFor = async (read: ReadDocuments, config: unknown, artifactId: string | null) =>
  artifactId && asksFor(config) ? { documents: await read(artifactId) } : {}
