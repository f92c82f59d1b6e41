import type { Action, Permission, Principal } from '@qanat/core';

/** A client identifier with these could name levels that are not its own. */
const NOT_IN_A_LEVEL = /[+#/]/;

/**
 * The filter of a permission for one client: `%u` is its user, `%c` its client identifier.
 * @returns undefined where it holds for nobody: it names `%c`, and the identifier is unknown, empty or has `/`, `+` or `#`.
 */
export function filterFor(permission: Permission, user: string, clientId: string | undefined): string | undefined {
  const { name } = permission;
  if (!name.includes('%')) return name;
  if (name.includes('%c') && (clientId === undefined || clientId === '' || NOT_IN_A_LEVEL.test(clientId))) return undefined;
  return name.replace(/%[uc]/g, (which) => (which === '%u' ? user : (clientId as string)));
}

/** Whether every topic that `filter` selects is selected by `allowed` too. A topic is a filter that selects itself. */
export function coversFilter(allowed: string, filter: string): boolean {
  const most = allowed.split('/');
  const wanted = filter.split('/');
  if (filter.startsWith('$') && /^[+#]/.test(allowed)) return false; // [MQTT-4.7.2-1]
  for (let i = 0; ; i++) {
    const level = most[i];
    if (level === '#') return true;
    const asked = wanted[i];
    if (level === undefined || asked === undefined) return level === asked;
    if (asked === '#' || (level !== '+' && level !== asked)) return false;
  }
}

/** Whether a permission of the kind `mqtt` grants the action on all that the filter or topic selects. */
export function grantsMqtt(principal: Principal, action: Action, filter: string, clientId: string | undefined): boolean {
  return principal.permissions.some((permission) => {
    if (permission.kind !== 'mqtt' || !permission.actions.has(action)) return false;
    const allowed = filterFor(permission, principal.name, clientId);
    return allowed !== undefined && coversFilter(allowed, filter);
  });
}
