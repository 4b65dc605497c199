import type { PostgresServer } from '../postgres.ts'

/** The benchmarks' table: ten columns, about 170 bytes of text a row. */
export async function createRows(server: PostgresServer, rows: number): Promise<void> {
  await server.query(`
    CREATE TABLE rows (
      id bigint PRIMARY KEY, customer int NOT NULL, amount_cents bigint NOT NULL, price numeric(18,4), score double precision, token text NOT NULL, kind varchar(20),
      created timestamptz NOT NULL, active boolean NOT NULL, extra jsonb);
    ${insertRows(1, rows)};
    CHECKPOINT; ANALYZE rows`)
}

/** The statement that adds the rows from..to in one transaction. */
export function insertRows(from: number, to: number): string {
  return `INSERT INTO rows SELECT n, n % 10007, n * 7919, (n % 100000) / 7.0, n / 3.0::float8, md5(n::text), 'kind ' || n % 12,
    '2024-01-01'::timestamptz + n * interval '0.731 seconds', n % 3 = 0, jsonb_build_object('n', n, 'tag', 'x' || n % 5) FROM generate_series(${from}::bigint, ${to}::bigint) n`
}
