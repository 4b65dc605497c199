import { ConfigError, FencedError, RetriableError } from '../../../core/index.ts'
import type { Api } from './apis.ts'
import { StrangeBytesError } from './frames.ts'
import type { KafkajsError } from './kafkajs.ts'
import type { BrokerAddress, ClientSettings } from './settings.ts'

/** Certificates that Node refuses, by code; the sentence's end says the way out. */
const distrusted: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN:
    'its certificate comes from an authority that is not trusted; give it in ssl.truststore.location or .certificates',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; give it in ssl.truststore.location or ssl.truststore.certificates',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate's authority is not known; give it in ssl.truststore.location or ssl.truststore.certificates",
  UNABLE_TO_GET_ISSUER_CERT: "its certificate's authority is not known; give the whole chain in ssl.truststore.location",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "its certificate's authority is not known; give it in ssl.truststore.location or ssl.truststore.certificates",
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; compare the clocks',
  CERT_SIGNATURE_FAILURE: "its certificate's signature is wrong",
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name; bootstrap.servers must use a name that the certificate has',
}

/** Why a connection does not stand: a ConfigError where only other settings help, else a RetriableError. */
export function connectFailure(error: unknown, address: BrokerAddress, settings: ClientSettings): Error {
  if (error instanceof ConfigError || error instanceof RetriableError || error instanceof FencedError) return error
  const { name, message, type } = error as KafkajsError
  // The socket's and OpenSSL's codes are texts; kafkajs has numbers there for what a broker said.
  const rawCode = (error as KafkajsError).code
  const code = typeof rawCode === 'string' ? rawCode : ''
  const at = `Kafka at ${address.host}:${address.port}`
  const refuse = (key: string, text: string) => new ConfigError([{ key, message: text }], { cause: error })
  if (distrusted[code]) return refuse('ssl.truststore.location', `${at} is not trusted: ${distrusted[code]} (${code})`)
  if (error instanceof StrangeBytesError) {
    const way = error.tls ? 'set security.protocol to SSL or SASL_SSL' : 'look at the address and at security.protocol'
    return refuse('security.protocol', `${at} does not speak Kafka's protocol: ${error.message}; ${way}`)
  }
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
    return refuse('security.protocol', `${at} does not speak TLS there; security.protocol must be that of the listener (${code})`)
  }
  if (/CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_UNKNOWN|HANDSHAKE_FAILURE/.test(code)) {
    return refuse(
      'ssl.keystore.location',
      `${at} refuses this client's certificate: give one that it trusts in ssl.keystore.location (${code})`,
    )
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_OSSL_'))
    return refuse('security.protocol', `${at} fails at TLS: ${message} (${code})`)
  const refused = type === 'SASL_AUTHENTICATION_FAILED' || name === 'KafkaJSSASLAuthenticationError'
  if (refused && !/Closed connection|timed out|Connection error|Not connected|closed the connection/.test(message)) {
    return refuse('sasl.jaas.config', `${at} does not let ${whoOf(settings)} in: ${message}`)
  }
  const hint = /Closed connection|closed the connection|ECONNRESET|disconnected before secure TLS/.test(message)
    ? ` (as a listener ${settings.tls ? 'without TLS does with TLS' : 'with TLS does without'}: compare security.protocol)`
    : ''
  const isOurs = settings.brokers.some(({ host, port }) => host === address.host && port === address.port)
  const origin = isOurs ? '' : " (the cluster gives this address itself: the broker's advertised.listeners must be reachable from here)"
  return new RetriableError(`${at} cannot be reached: ${message || code}${hint}${origin}`, { cause: error })
}

/** A request without an answer. */
export function lostAnswer(error: unknown, api: Api, { host, port }: BrokerAddress): Error {
  if (error instanceof ConfigError || error instanceof RetriableError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new RetriableError(`${api.name} to Kafka at ${host}:${port} was not answered: ${message}`, { cause: error })
}

function whoOf({ sasl }: ClientSettings): string {
  if (sasl === null) return 'this client'
  return sasl.mechanism === 'OAUTHBEARER' ? 'the token of OAUTHBEARER' : `user "${sasl.username}" (${sasl.mechanism})`
}
