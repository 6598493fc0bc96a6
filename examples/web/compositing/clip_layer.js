// @ts-check
/** The clip as an object of three.js: a rectangle over the whole picture, every pixel at its own depth. */

import * as THREE from "three";

const VERTEX = `
out vec2 place; // -1 to 1 in the picture
void main() {
  place = position.xy;
  gl_Position = vec4(position.xy, 0.0, 1.0);
}`;
const FRAGMENT = `
precision highp float;
uniform sampler2D colours, distances;
uniform mat4 projection;
in vec2 place;
out vec4 colour;
void main() {
  vec2 at = vec2(0.5 + 0.5 * place.x, 0.5 - 0.5 * place.y); // the first row is the top one
  colour = texture(colours, at);
  float distance = texture(distances, at).r;
  if (colour.a < 0.02 || distance > 1e6) discard;
  vec3 ray = vec3(place.x / projection[0][0], place.y / projection[1][1], -1.0);
  vec4 seen = projection * vec4(ray * (distance / length(ray)), 1.0); // distances are along rays, not along the camera's z
  gl_FragDepth = clamp(0.5 + 0.5 * seen.z / seen.w, 0.0, 1.0);
}`;

export class ClipLayer extends THREE.Mesh {
  constructor() {
    const uniforms = { colours: { value: null }, distances: { value: null }, projection: { value: new THREE.Matrix4() } };
    super(new THREE.PlaneGeometry(2, 2), new THREE.ShaderMaterial({
      glslVersion: THREE.GLSL3, vertexShader: VERTEX, fragmentShader: FRAGMENT, uniforms, transparent: true,
      blending: THREE.CustomBlending, blendSrc: THREE.OneFactor, blendDst: THREE.OneMinusSrcAlphaFactor, // premultiplied
    }));
    this.frustumCulled = false;
    this.renderOrder = 1; // over what is opaque
    this.uniforms = uniforms;
  }

  /**
   * Take a picture, and the camera that it was drawn from.
   * @param {{width: number, height: number, colours: Float32Array, distances: Float32Array, camera: any}} numbers see docs/player.md
   * @param {THREE.PerspectiveCamera} camera becomes the same
   */
  show({ width, height, colours, distances, camera: { position, target, up, fov } }, camera) {
    const image = this.uniforms.colours.value?.image;
    if (image?.width !== width || image?.height !== height) {
      for (const [name, format] of /** @type {const} */ ([["colours", THREE.RGBAFormat], ["distances", THREE.RedFormat]])) {
        this.uniforms[name].value?.dispose();
        this.uniforms[name].value = new THREE.DataTexture(null, width, height, format, THREE.FloatType);
      }
    }
    for (const [name, data] of /** @type {const} */ ([["colours", colours], ["distances", distances]])) {
      this.uniforms[name].value.image.data = data;
      this.uniforms[name].value.needsUpdate = true;
    }
    camera.fov = (fov * 180) / Math.PI;
    camera.aspect = width / height;
    camera.position.fromArray(position);
    camera.up.fromArray(up);
    camera.lookAt(...target);
    camera.updateProjectionMatrix();
    this.uniforms.projection.value.copy(camera.projectionMatrix);
  }
}
