// A real OpenID provider (npm oidc-provider) for tests: node provider.mjs PATH_OF_ITS_MODULE PORT
// Everybody who comes to sign in is ana, a clerk. POST /test/rotate publishes a new key beside the old one and signs with it.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';

const [, , module, port] = process.argv;
const { Provider } = await import(module);
const issuer = `http://127.0.0.1:${port}`;
const audience = 'urn:suture:api';
let keys = [];

function fresh() {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  return { ...key, use: 'sig', alg: 'RS256', kid: `key-${Date.now()}-${keys.length}` };
}

function provider() {
  return new Provider(issuer, {
    clients: [
      { client_id: 'erp', client_secret: 'only-for-tests-only-for-tests-0001', grant_types: ['client_credentials'],
        redirect_uris: [], response_types: [], scope: 'orders' },
      { client_id: 'stranger', client_secret: 'only-for-tests-only-for-tests-0002', grant_types: ['client_credentials'],
        redirect_uris: [], response_types: [], scope: 'orders' },
      { client_id: 'suture', client_secret: 'only-for-tests-only-for-tests-0003', redirect_uris: ['http://127.0.0.1:1/signed-in'],
        grant_types: ['authorization_code'], response_types: ['code'], id_token_signed_response_alg: 'RS256' },
    ],
    jwks: { keys },
    cookies: { keys: ['only-for-tests'] },
    scopes: ['openid', 'orders'],
    claims: { openid: ['sub', 'groups'] },
    conformIdTokenClaims: false,
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, groups: ['AP Clerks'] }) }),
    extraTokenClaims: (ctx, token) => (token.accountId ? { groups: ['AP Clerks'] } : undefined),
    pkce: { required: () => true },
    interactions: { url: (ctx, interaction) => `/test/interaction/${interaction.uid}` },
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope('openid');
      grant.addResourceScope(audience, 'orders');
      await grant.save();
      return grant;
    },
    features: {
      devInteractions: { enabled: false }, clientCredentials: { enabled: true }, introspection: { enabled: true },
      revocation: { enabled: true }, dPoP: { enabled: true },
      resourceIndicators: {
        enabled: true, defaultResource: () => audience, useGrantedResource: () => true,
        getResourceServerInfo: (ctx, resource) => ({ scope: 'orders', audience: resource.replace(':opaque', ''),
          accessTokenTTL: 1800, accessTokenFormat: resource.endsWith(':opaque') ? 'opaque' : 'jwt', jwt: { sign: { alg: 'RS256' } } }),
      },
    },
  });
}

keys.push(fresh());
let op = provider();
const server = createServer(async (request, response) => {
  if (request.url === '/test/rotate') {
    keys = [fresh(), ...keys];
    op = provider();
    response.end('rotated');
  } else if (request.url === '/test/withdraw') {
    keys = keys.slice(0, 1);
    op = provider();
    response.end('withdrawn');
  } else if (request.url.startsWith('/test/interaction/')) {
    await op.interactionFinished(request, response, { login: { accountId: 'ana' } }, { mergeWithLastSubmission: false });
  } else {
    op.callback()(request, response);
  }
});
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
