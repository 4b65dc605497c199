import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../../../core/index.ts'
import { parseJaas } from '../../../../connectors/kafka/config/jaas.ts'

const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule'
const secret = 'hunter2-secret'

void test('user and password are read as Java reads them: quotes, escapes, spaces, lines and comments', () => {
  const texts = [
    `${scram} required username="u" password="${secret}";`,
    `  ${scram}\n  required\n  username = 'u'\n  password = ${secret} ;\n`,
    `// a comment\n${scram} REQUIRED /* more */ username=u password="${secret}";`,
  ]
  for (const text of texts) {
    const { kind, options } = parseJaas(text)
    assert.equal(kind, 'scram')
    assert.deepEqual(
      [...options],
      [
        ['username', 'u'],
        ['password', secret],
      ],
    )
  }
  assert.equal(parseJaas(`${scram} required password="a\\"b\\\\c;d=e";`).options.get('password'), 'a"b\\c;d=e')
})

void test('no module but the three of Kafka is taken, and the error names it', () => {
  const jndi = 'com.sun.security.auth.module.JndiLoginModule'
  assert.throws(
    () => parseJaas(`${jndi} required user.provider.url="ldap://attacker/";`),
    (error) => {
      assert.ok(error instanceof ConfigError)
      assert.match(error.message, /JndiLoginModule that is not allowed/)
      assert.doesNotMatch(error.message, /attacker/)
      return true
    },
  )
  for (const name of ['com.sun.security.auth.module.Krb5LoginModule', 'toString', '__proto__', `"${scram}"`, `${scram}2`]) {
    assert.throws(() => parseJaas(`${name} required a="b";`), /not allowed/)
  }
})

void test('faults are told without any of the text', () => {
  const texts = [
    '',
    secret,
    `${scram} required password="${secret}"`,
    `${scram} required password="${secret}`,
    `${scram} password="${secret}";`,
    `${scram} required password;`,
    `${scram} required password=;`,
    `${scram} required "password"="${secret}";`,
    `${scram} required password="${secret}"; ${scram} required password="${secret}";`,
    `${scram} required ${secret} ${secret} ${secret};`,
  ]
  for (const text of texts) {
    assert.throws(
      () => parseJaas(text),
      (error) => {
        assert.ok(error instanceof ConfigError, text)
        assert.doesNotMatch(error.message, /hunter2/)
        assert.match(error.message, /sasl\.jaas\.config/)
        return true
      },
    )
  }
})
