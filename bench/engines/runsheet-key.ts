/** What the program and the server both seal signing secrets with. */
export const SECRET_KEY = '0'.repeat(64)
