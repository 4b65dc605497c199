/** The OpenAPI 3.1 document of this API. */
export function openApi(version: string): object {
  return { openapi: '3.1.0', info: { title: 'Millrace', version }, paths: {} }
}
