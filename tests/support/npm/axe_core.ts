// Finds barriers in a page by the rules of WCAG.
export { default } from "npm:axe-core@4.14.1";
