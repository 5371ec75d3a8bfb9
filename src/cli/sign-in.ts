/** In the fragment, which a browser sends to nobody: neither a server nor a proxy can log it. */
export function signInUrl(url: string, code: string): string {
  return `${url}/#code=${code}`;
}
