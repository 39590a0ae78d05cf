/** A part of a delivery function as `role-process.ts`, in a bundle of its own: tests are bundled side by side. */
import './role-process.ts';
