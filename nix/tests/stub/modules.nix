# A module system with the rules of nixpkgs that our modules need: an undeclared option, a value of the wrong
# type, and two values for one option are errors.
let
  inherit (builtins)
    all
    attrNames
    concatMap
    elem
    filter
    foldl'
    head
    isAttrs
    isFunction
    isList
    isString
    length
    mapAttrs
    ;
  lib = import ./lib.nix;

  hasType = kind: value: isAttrs value && value._type or null == kind;

  # --- wrappers of definitions
  mkIf = condition: content: {
    _type = "if";
    inherit condition content;
  };
  mkMerge = contents: {
    _type = "merge";
    inherit contents;
  };
  mkOverride = priority: content: {
    _type = "override";
    inherit priority content;
  };
  priorities = {
    force = 50;
    plain = 100;
    default = 1000;
    option = 1500;
  };
  mkForce = mkOverride priorities.force;
  mkDefault = mkOverride priorities.default;

  # The values in a definition, each with its priority.
  unwrap =
    definition:
    if hasType "if" definition then
      lib.optionals definition.condition (unwrap definition.content)
    else if hasType "merge" definition then
      concatMap unwrap definition.contents
    else if hasType "override" definition then
      map (value: value // { inherit (definition) priority; }) (unwrap definition.content)
    else
      [
        {
          priority = priorities.plain;
          value = definition;
        }
      ];

  # Moves a wrapper of a set to each option in it, so that conditions stay lazy.
  pushDown =
    definition:
    if hasType "if" definition then
      map (mapAttrs (_: mkIf definition.condition)) (pushDown definition.content)
    else if hasType "merge" definition then
      concatMap pushDown definition.contents
    else if hasType "override" definition then
      map (mapAttrs (_: mkOverride definition.priority)) (pushDown definition.content)
    else
      [ definition ];

  # The values with the strongest priority.
  strongest =
    definitions:
    let
      values = concatMap unwrap definitions;
      best = foldl' (
        best: value: if value.priority < best then value.priority else best
      ) priorities.option values;
    in
    map (value: value.value) (filter (value: value.priority == best) values);

  merge =
    place: type: definitions:
    let
      values = strongest definitions;
    in
    if values == [ ] then
      throw "The option `${place}' was accessed but has no value defined."
    else if !all type.check values then
      throw "A definition for option `${place}' is not of type `${type.name}'."
    else
      type.merge place values;

  # --- types
  one =
    place: values:
    if all (value: value == head values) values then
      head values
    else
      throw "The option `${place}' has conflicting definition values.";
  scalar = name: check: {
    inherit name check;
    merge = one;
  };
  types = rec {
    bool = scalar "boolean" builtins.isBool;
    int = scalar "signed integer" builtins.isInt;
    unsigned = scalar "unsigned integer" (value: builtins.isInt value && value >= 0);
    port = scalar "16 bit unsigned integer" (
      value: builtins.isInt value && value >= 0 && value < 65536
    );
    str = scalar "string" isString;
    path = scalar "path" (
      value: builtins.isPath value || value ? outPath || (isString value && lib.hasPrefix "/" value)
    );
    package = scalar "package" (value: value ? outPath);
    raw = scalar "raw value" (_: true);
    attrs = {
      name = "attribute set";
      check = isAttrs;
      merge = _: foldl' (all: value: all // value) { };
    };
    lines = {
      name = "strings concatenated with \"\\n\"";
      check = isString;
      merge = _: builtins.concatStringsSep "\n";
    };
    nullOr = type: {
      name = "null or ${type.name}";
      check = value: value == null || type.check value;
      merge = place: values: if elem null values then one place values else type.merge place values;
    };
    oneOf =
      alternatives: scalar "one of several" (value: builtins.any (type: type.check value) alternatives);
    listOf = type: {
      name = "list of ${type.name}";
      check = isList;
      merge = place: values: concatMap (map (value: merge "${place}.[]" type [ value ])) values;
    };
    attrsOf = type: {
      name = "attribute set of ${type.name}";
      check = isAttrs;
      merge =
        place: values:
        let
          definitions = name: lib.concatMap (value: lib.optional (value ? ${name}) value.${name}) values;
          names = lib.unique (concatMap attrNames values);
          # A name is absent if all its definitions have a false condition.
          present = filter (name: concatMap unwrap (definitions name) != [ ]) names;
        in
        lib.genAttrs present (name: merge "${place}.${name}" type (definitions name));
    };
    submodule = module: {
      name = "submodule";
      check = value: isAttrs value || isFunction value;
      merge =
        place: values:
        (evalModules {
          modules = [ module ] ++ map (config: { inherit config; }) values;
          prefix = "${place}.";
        }).config;
    };
  };

  # --- options
  mkOption = option: option // { _type = "option"; };
  mkEnableOption =
    what:
    mkOption {
      type = types.bool;
      default = false;
      description = "Whether to enable ${what}.";
    };
  mkPackageOption =
    pkgs: name: _:
    mkOption {
      type = types.package;
      default = pkgs.${name};
    };
  literalExpression = text: {
    _type = "literalExpression";
    inherit text;
  };
  literalMD = literalExpression;

  # Merges the declarations of all modules, which must not overlap.
  declared =
    place: declarations:
    if builtins.any (hasType "option") declarations then
      if length declarations == 1 then
        head declarations
      else
        throw "The option `${place}' is declared twice."
    else
      lib.genAttrs (lib.unique (concatMap attrNames declarations)) (
        name:
        declared "${place}.${name}" (concatMap (set: lib.optional (set ? ${name}) set.${name}) declarations)
      );

  evaluated =
    place: options: definitions:
    let
      sets = concatMap pushDown definitions;
      definitionsOf = name: concatMap (set: lib.optional (set ? ${name}) set.${name}) sets;
      unknown = lib.subtractLists (attrNames options) (concatMap attrNames sets);
      value =
        name: option:
        let
          default = lib.optional (option ? default) (mkOverride priorities.option option.default);
        in
        if !hasType "option" option then
          evaluated "${place}${name}." option (definitionsOf name)
        else if option.readOnly or false && definitionsOf name != [ ] then
          throw "The option `${place}${name}' is read-only."
        else
          merge "${place}${name}" option.type (definitionsOf name ++ default);
    in
    if unknown != [ ] then
      throw "The option `${place}${head unknown}' does not exist."
    else
      mapAttrs value options;

  evalModules =
    {
      modules,
      # Arguments of modules besides `config`, `lib` and `options`.
      arguments ? _: { },
      prefix ? "",
    }:
    let
      called =
        module:
        let
          value = if builtins.isPath module then import module else module;
        in
        if isFunction value then value (arguments config // { inherit config lib options; }) else value;
      # A file that is imported twice is loaded once.
      loaded =
        seen: module:
        if builtins.isPath module && builtins.any (entry: entry.file == module) seen then
          seen
        else
          let
            value = called module;
            isShort = !(value ? options || value ? config);
            entry = {
              file = if builtins.isPath module then module else null;
              options = value.options or { };
              config = if isShort then removeAttrs value [ "imports" ] else value.config or { };
            };
          in
          foldl' loaded (seen ++ [ entry ]) (value.imports or [ ]);
      entries = foldl' loaded [ ] modules;
      options = declared "" (map (entry: entry.options) entries);
      config = evaluated prefix options (map (entry: entry.config) entries);
      lib = import ./lib.nix // own;
    in
    {
      inherit config options;
    };

  own = {
    inherit
      evalModules
      literalExpression
      literalMD
      mkDefault
      mkEnableOption
      mkForce
      mkIf
      mkMerge
      mkOption
      mkOverride
      mkPackageOption
      types
      ;
  };
in
own
