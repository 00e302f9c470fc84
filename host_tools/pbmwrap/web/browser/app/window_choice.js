// A choice that holds until this window is closed. A browser may refuse storage.

export function readForWindow(name) {
  try {
    return sessionStorage.getItem(`pbmwrap.${name}`);
  } catch {
    return null;
  }
}

export function keepForWindow(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(`pbmwrap.${name}`);
    else sessionStorage.setItem(`pbmwrap.${name}`, value);
  } catch {
    // the question comes again
  }
}
