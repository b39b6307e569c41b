// A link /login#token=… logs in: the fragment stays in the browser, is taken out of the address and sent as a form.
const form = document.getElementById("login");

function fromLink() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return false;
  history.replaceState(null, "", location.pathname + location.search);
  form.elements.token.value = token;
  form.requestSubmit();
  return true;
}

window.addEventListener("hashchange", fromLink);
if (!fromLink()) {
  // After a link from another site the first request comes without the cookie (SameSite=Strict): ask again from here.
  const answer = await fetch("/session", { credentials: "same-origin" });
  if (answer.ok && (await answer.json()).active) location.replace(form.elements.next.value);
}
