/** The dialect's document says of every body that it may be enclosed: `{auth, payload}` in the place of the payload. Pure. */

type Content = { content?: Record<string, { schema?: object }> }
type Operations = Record<string, { requestBody?: Content; security?: unknown }>

const AUTH = { $ref: '#/components/schemas/Login' }

/** Of routes that want to know who asks. */
export function withEnclosed<Document extends { paths?: object | undefined }>(document: Document): Document {
  const paths = Object.entries((document.paths ?? {}) as Record<string, Operations>).map(([path, operations]) => [
    path,
    Object.fromEntries(
      Object.entries(operations).map(([method, operation]) => [
        method,
        operation.security && operation.requestBody
          ? { ...operation, requestBody: enclosable(operation.requestBody) }
          : operation,
      ]),
    ),
  ])
  return { ...document, paths: Object.fromEntries(paths) }
}

function enclosable(body: Content): Content {
  const content = Object.entries(body.content ?? {}).map(([type, { schema, ...more }]) => {
    const enclosed = {
      type: 'object',
      properties: { auth: AUTH, payload: schema },
      required: ['auth', 'payload'],
      additionalProperties: false,
    }
    return [type, { ...more, schema: { anyOf: [schema, enclosed] } }]
  })
  return { ...body, content: Object.fromEntries(content) }
}
