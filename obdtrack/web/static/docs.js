// Starts Swagger UI on the API page; its own page would do so inline, which the policy forbids.
// Its own layout has a second <main> and skips a heading; this one has neither.
"use strict";

addEventListener("DOMContentLoaded", () => {
  const frame = (system) => {
    const make = system.React.createElement;
    const Frame = ({ getComponent, specSelectors }) => {
      if (!specSelectors.specStr()) return make("p", { className: "empty" }, "One moment…");
      const part = (name, container) => make(getComponent(name, container));
      return make("div", { className: "swagger-ui" },
        part("SvgAssets"),
        part("InfoContainer", true),
        make("div", { className: "scheme-container" },
          make("div", { className: "schemes wrapper" }, part("AuthorizeBtnContainer", true))),
        make("h2", { className: "visually-hidden" }, "Operations"),
        make("div", { className: "wrapper" }, part("operations", true), part("Models", true)));
    };
    return { components: { Frame } };
  };
  const box = document.getElementById("docs");
  SwaggerUIBundle({
    url: box.dataset.document,
    domNode: box,
    deepLinking: false,
    validatorUrl: null,
    docExpansion: "list",
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [frame],
    layout: "Frame",
  });
});
